import type { BuiltInTask, DemoLanguage } from '../unit.ts';

/** A shell script, so that the task needs no language runtime. */
const priceScript = (total: string) => `#!/bin/sh
# total.sh PRICE QUANTITY [DISCOUNT]: the price in cents, less the discount in percent
price=$1 quantity=$2 discount=\${3:-0}
echo $(( ${total} ))
`;
const wrong = priceScript('price * quantity - discount');
const right = priceScript('price * quantity * (100 - discount) / 100');

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

const failingTestTask: BuiltInTask = {
  asks: {
    en: 'Write a small program with a bug and a test that fails because of it. Fix the bug, then show the bug and the fix on one page, report.html.',
    de: 'Schreibe ein kleines Programm mit einem Fehler und einem Test, der daran scheitert. Behebe den Fehler, und zeige Fehler und Lösung auf einer Seite, report.html.',
  },
  units: [
    { kind: 'file', path: 'total.sh', content: wrong },
    { kind: 'file', path: 'test.sh', content: tests },
    { kind: 'sh', command: 'cp total.sh total.before.sh; sh test.sh | tee before.txt' },
    { kind: 'file', path: 'total.sh', content: right },
    { kind: 'file', path: 'report.sh', content: report },
    { kind: 'sh', command: 'sh test.sh >after.txt; status=$?; sh report.sh; cat after.txt; exit $status' },
  ],
  ends: {
    en: 'The runs before and after the fix are in `report.html`, with the diff between them.',
    de: 'Die Läufe vor und nach der Lösung stehen in `report.html`, dazwischen die Änderung.',
  },
};

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Snake</title>
<style>
  body { margin: 0; min-height: 100vh; display: grid; place-content: center; justify-items: center; gap: 12px;
         background: #14211a; color: #e8f3ea; font: 16px system-ui, sans-serif; }
  canvas { width: min(88vw, 70vh); image-rendering: pixelated; background: #1d2f25; border-radius: 8px; touch-action: none; }
  p { margin: 0 12px; }
</style>
<h1>Snake</h1>
<p id="score" role="status">Points: 0</p>
<canvas id="field" width="20" height="20" aria-label="The field"></canvas>
<p>Steer with the arrow keys or by swiping. Space or a tap restarts.</p>
<script>
  const size = 20;
  const field = document.getElementById('field');
  const paint = field.getContext('2d');
  const turns = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  let snake, way, next, apple, over, waits = true;
  function begin() {
    snake = [[10, 10], [9, 10], [8, 10]];
    way = next = [1, 0];
    over = false;
    place();
  }
  function place() {
    do apple = [Math.floor(Math.random() * size), Math.floor(Math.random() * size)];
    while (on(apple));
  }
  const on = ([x, y]) => snake.some(([a, b]) => a === x && b === y);
  function steer(turn) {
    waits = false;
    if (turn[0] !== -way[0] || turn[1] !== -way[1]) next = turn;
  }
  function move() {
    if (over || waits) return;
    way = next;
    const head = [snake[0][0] + way[0], snake[0][1] + way[1]];
    over = head.some((n) => n < 0 || n >= size) || on(head);
    if (!over) {
      snake.unshift(head);
      if (head[0] === apple[0] && head[1] === apple[1]) place();
      else snake.pop();
    }
    draw();
  }
  function draw() {
    paint.clearRect(0, 0, size, size);
    paint.fillStyle = '#e4572e';
    paint.fillRect(apple[0], apple[1], 1, 1);
    snake.forEach(([x, y], at) => {
      paint.fillStyle = at === 0 ? '#b6f09c' : '#6cc24a';
      paint.fillRect(x, y, 1, 1);
    });
    const points = snake.length - 3;
    const text = waits ? 'Press an arrow key or swipe to begin' : 'Points: ' + points;
    document.getElementById('score').textContent = over ? 'Game over: ' + points + (points === 1 ? ' point' : ' points') : text;
  }
  addEventListener('keydown', (event) => {
    if (turns[event.key]) steer(turns[event.key]);
    else if (event.key === ' ') { waits = false; begin(); }
    else return;
    event.preventDefault();
  });
  let from;
  field.addEventListener('pointerdown', (event) => { from = [event.clientX, event.clientY]; if (over) begin(); });
  field.addEventListener('pointerup', (event) => {
    if (!from) return;
    const [x, y] = [event.clientX - from[0], event.clientY - from[1]];
    if (Math.max(Math.abs(x), Math.abs(y)) < 12) return;
    steer(Math.abs(x) > Math.abs(y) ? [Math.sign(x), 0] : [0, Math.sign(y)]);
  });
  begin();
  draw();
  setInterval(move, 140);
</script>
</html>`;

// Any free port, because without isolation the sandbox shares the host's ports.
const serve = `if command -v python3 >/dev/null; then
  python3 -u -m http.server 0 --bind 127.0.0.1 >server.log 2>&1 &
  for try in 1 2 3 4 5 6 7 8 9 10; do grep -q port server.log && break; sleep 0.3; done
  sed -n '1s/.* port \\([0-9]*\\).*/The game is served on port \\1./p' server.log
else echo 'No web server is installed here: open snake.html itself.'; fi`;

const gameTask: BuiltInTask = {
  asks: {
    en: 'Build a small Snake game as a single web page, snake.html, that works with arrow keys and on a phone.',
    de: 'Baue ein kleines Snake-Spiel als einzelne Webseite, snake.html, das mit Pfeiltasten und auf dem Handy funktioniert.',
  },
  units: [
    { kind: 'file', path: 'snake.html', content: page },
    {
      kind: 'sh',
      command:
        "grep -c '<script>' snake.html >/dev/null && echo \"snake.html: $(wc -c <snake.html | tr -d ' ') bytes, self-contained\"",
    },
    { kind: 'sh', command: serve },
  ],
  ends: {
    en: 'The game is in `snake.html`. Press an arrow key or swipe to start.',
    de: 'Das Spiel ist in `snake.html`. Starten Sie es mit einer Pfeiltaste oder durch Wischen.',
  },
};

const sales = `month,sales
January,1240
February,1180
March,1530
April,1610
May,1490
June,1875
July,2010
August,1720
September,1960
October,2240
November,2385
December,2610`;

// Uses awk, which is in every image.
const program = `# Draws the second column of a CSV as bars: awk -f chart.awk sales.csv > chart.html
BEGIN { FS = "," }
NR == 1 { what = $2; next }
{ n++; name[n] = $1; value[n] = $2; total += $2; if ($2 > most) { most = $2; best = $1 } }
END {
  print "<!doctype html><html lang=\\"en\\"><meta charset=\\"utf-8\\"><title>Chart of " what "</title>"
  print "<style>body{font:16px system-ui,sans-serif;margin:24px;background:#fff;color:#222}svg{width:100%;max-width:820px}</style>"
  print "<h1>" toupper(substr(what, 1, 1)) substr(what, 2) " by month</h1>"
  print "<p>Total " total ", on average " int(total / n + 0.5) " a month.</p>"
  print "<p>Best month: " best " with " most ".</p>"
  print "<svg viewBox=\\"0 0 " n * 60 + 20 " 320\\" role=\\"img\\" aria-label=\\"Bars of " what " for " n " months\\">"
  for (i = 1; i <= n; i++) {
    height = int(value[i] / most * 240 + 0.5)
    x = (i - 1) * 60 + 10
    colour = name[i] == best ? "#c2571a" : "#3b7a57"
    print "<rect x=\\"" x "\\" y=\\"" 270 - height "\\" width=\\"48\\" height=\\"" height "\\" rx=\\"4\\" fill=\\"" colour "\\"/>"
    print "<text x=\\"" x + 24 "\\" y=\\"" 264 - height "\\" font-size=\\"13\\" text-anchor=\\"middle\\">" value[i] "</text>"
    print "<text x=\\"" x + 24 "\\" y=\\"292\\" font-size=\\"13\\" text-anchor=\\"middle\\">" substr(name[i], 1, 3) "</text>"
  }
  print "</svg></html>"
}`;

const chartTask: BuiltInTask = {
  asks: {
    en: 'Make a CSV with a year of sales, draw it as a bar chart on one page, chart.html, and tell me the best month.',
    de: 'Lege eine CSV mit den Umsätzen eines Jahres an, zeichne sie als Balkendiagramm auf einer Seite, chart.html, und nenne den besten Monat.',
  },
  units: [
    { kind: 'file', path: 'sales.csv', content: `${sales}\n` },
    { kind: 'file', path: 'chart.awk', content: `${program}\n` },
    {
      kind: 'sh',
      command: `awk -f chart.awk sales.csv >chart.html && sed -n 's/^<p>\\(.*\\)<[/]p>$/\\1/p' chart.html`,
    },
  ],
  ends: { en: 'The chart is in `chart.html`.', de: 'Das Diagramm ist in `chart.html`.' },
};

const hello: BuiltInTask = {
  asks: { en: 'Say hello', de: 'Sag Hallo' },
  units: [{ kind: 'sh', command: 'echo "Hello from a sandbox: $(uname -sm), $(pwd)"' }],
  ends: { en: 'Add a model for tasks of your own.', de: 'Fügen Sie für eigene Aufgaben ein Modell hinzu.' },
};

export const builtInTasks: readonly BuiltInTask[] = [gameTask, chartTask, failingTestTask, hello];

const plainly = (text: string): string => text.trim().toLowerCase().replace(/\s+/g, ' ').replace(/[.]$/, '');

const languages = ['en', 'de'] as const;
const asks = new Map(
  builtInTasks.flatMap((task) =>
    languages.map((language) => [plainly(task.asks[language]), { task, language }] as const),
  ),
);

/** Finds the task that a message asks for word by word, and the language it asks in. */
export const findAskedTask = (
  message: string,
): { readonly task: BuiltInTask; readonly language: DemoLanguage } | undefined => asks.get(plainly(message));
