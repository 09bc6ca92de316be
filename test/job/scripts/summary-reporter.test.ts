// @module-tag all
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const reporter = resolve('test/support/runner/summary-reporter.ts');

function vitest(files: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), 'corral-summary-'));
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  const args = [resolve('node_modules/vitest/vitest.mjs'), 'run', '--root', root, '--reporter', reporter];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  rmSync(root, { recursive: true });
  return { status, lines: stdout.trimEnd().split('\n') };
}
const passing = "import { test } from 'vitest'; test('a', () => {});";

test('a run ends with its counts on one line, and with the reasons for skipped tests', () => {
  const { status, lines } = vitest({
    'a.test.ts': passing,
    'b.test.ts': `import { test } from 'vitest';
      test('needs Docker', (context) => context.skip('Docker does not answer'));
      test.skip('silent', () => {});`,
  });
  expect(status).toBe(0);
  expect(lines.at(-1)).toBe('1 passed, 0 failed, 2 skipped');
  const text = lines.join('\n');
  expect(text).toMatch(/Docker does not answer\n +- needs Docker/);
  expect(text).toMatch(/no reason given \(b\.test\.ts\)\n +- silent/);
});

test('a failure outside any test counts as a failure', () => {
  const { status, lines } = vitest({
    'a.test.ts': passing,
    'broken.test.ts': "throw new Error('cannot be loaded');",
    'stray.test.ts': `import { test } from 'vitest'; test('b', () => { void Promise.reject(new Error('nobody waits')); });`,
  });
  expect(status).not.toBe(0);
  expect(lines.at(-1)).toBe('2 passed, 2 failed');
});
