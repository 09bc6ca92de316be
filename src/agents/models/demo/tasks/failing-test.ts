import type { BuiltInTask } from '../unit.ts';

// The program is a shell script, so the task works without any language installed.

const program = (total: string) => `#!/bin/sh
# total.sh PRICE QUANTITY [DISCOUNT]: the price in cents, less the discount in percent
price=$1 quantity=$2 discount=\${3:-0}
echo $(( ${total} ))
`;
const wrong = program('price * quantity - discount');
const right = program('price * quantity * (100 - discount) / 100');

const tests = `#!/bin/sh
# Each line: the input and the expected total
failed=0
check() {
  expected=$1; shift
  got=$(sh total.sh "$@")
  if [ "$got" = "$expected" ]; then echo "ok      total.sh $* is $got"
  else echo "FAILED  total.sh $* is $got, not $expected"; failed=1; fi
}
check 500 250 2
check 450 250 2 10
check 0 250 2 100
exit $failed
`;

const report = `#!/bin/sh
# Makes a page of the test output before and after, and the change between
plain() { sed 's/&/\\&amp;/g; s/</\\&lt;/g; s/>/\\&gt;/g' "$1"; }
{
  echo '<!doctype html><html lang="en"><meta charset="utf-8"><title>A fixed test</title>'
  echo '<style>body{font:16px system-ui,sans-serif;margin:24px;max-width:820px;background:#fff;color:#222}'
  echo 'pre{padding:12px;border-radius:8px;background:#f3efe8;overflow:auto}</style>'
  echo '<h1>A failing test, and its fix</h1>'
  echo '<h2>Before</h2><pre>'; plain before.txt; echo '</pre>'
  echo '<h2>The change</h2><pre>'; diff -u total.before.sh total.sh >change.diff; plain change.diff; echo '</pre>'
  echo '<h2>After</h2><pre>'; plain after.txt; echo '</pre></html>'
} >report.html
`;

export const failingTestTask: BuiltInTask = {
  asks: [
    'Write a small program with a bug and a test that fails because of it. Fix the bug, then show the bug and the fix on one page, report.html.',
    'Schreibe ein kleines Programm mit einem Fehler und einem Test, der daran scheitert. Behebe den Fehler, und zeige Fehler und Lösung auf einer Seite, report.html.',
  ],
  units: [
    { kind: 'file', path: 'total.sh', content: wrong },
    { kind: 'file', path: 'test.sh', content: tests },
    { kind: 'sh', command: 'cp total.sh total.before.sh; sh test.sh | tee before.txt' },
    { kind: 'file', path: 'total.sh', content: right },
    { kind: 'file', path: 'report.sh', content: report },
    { kind: 'sh', command: 'sh test.sh >after.txt; status=$?; sh report.sh; cat after.txt; exit $status' },
  ],
  ends: 'The runs before and after the fix are in `report.html`, with the diff between them.',
};
