import { expect, test } from 'vitest';
import { shellExec, shellView } from '../../../src/agents/tools/shell.ts';
import { runBash } from '../../../src/cli/worker/bash.ts';
import type { Box } from '../../../src/client/index.ts';
import { ScreenText } from '../../../src/core/text/terminal/screen-text.ts';
import { makeChecks } from '../../../src/sessions/run/goal/checks.ts';
import { toolBench } from '../../support/agents/tools.ts';

const esc = '\u001b';
const frames = (count: number, frame: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => frame(n + 1)).join('');

const { signal } = new AbortController();
/** The words for an agent about a goal's check with this output. */
async function checked(output: string): Promise<string | undefined> {
  const client = toolBench(() => ({ chunks: [output] })).sandbox;
  const work = {
    runWriter: { runId: 'r', checkedIn: () => [], goal: (fact: unknown) => fact, write: async () => {} },
    sandbox: { use: async () => ({ client, [Symbol.asyncDispose]: async () => {} }) },
  };
  const checks = [{ command: 'x', timeoutSeconds: 9 }];
  return (await makeChecks(work as never, { checks, round: 1 }, signal))[0]?.detail;
}
/** The words for an agent about a worker's command with this output. */
async function worked(stdout: string): Promise<string> {
  const box = {
    files: { write: async () => {} },
    api: { sandbox: { exec: { mutate: async () => {} } } },
    exec: async () => ({ stdout, stderr: 'exit 0\n' }),
  };
  return (await runBash(box as unknown as Box, 'c', { command: 'x' }, signal)).text;
}

test.each([
  [
    'a progress bar',
    `begin\n${frames(3_000, (n) => `\r${n}/3000 [${'#'.repeat(n / 100)}]`)}\nend\n`,
    `begin\n3000/3000 [${'#'.repeat(30)}]\nend\n`,
  ],
  ['a shorter frame leaves the end of a longer one', 'abcdef\rxy\n', 'xycdef\n'],
  ['a frame that erases the line', `abcdef\r${esc}[Kxy\n`, 'xy\n'],
  ['a frame that erases the whole line', `abcdef${esc}[2K\rxy\n`, 'xy    \n'],
  [
    'a spinner with backspaces',
    `wait ${frames(999, (n) => `\b${'|/-\\'[n % 4]}`)}\b \bdone\n`.replace('wait \b', 'wait  \b'),
    'wait done\n',
  ],
  ['colours', `${esc}[1;31mred${esc}[0m ${esc}[38;2;1;2;3mrgb${esc}[m\n`, 'red rgb\n'],
  ['a title and a link', `${esc}]0;title\u0007a ${esc}]8;;http://x${esc}\\link${esc}]8;;${esc}\\\n`, 'a link\n'],
  [
    'several lines that are drawn again',
    `a 1\nb 1\n${frames(50, (n) => `${esc}[2A${esc}[2Ka ${n}\n${esc}[2K\rb ${n}\n`)}end`,
    'a 50\nb 50\nend',
  ],
  ['a screen that is cleared', `old\nolder\n${esc}[2J${esc}[Hnew\n`, 'new\n'],
  ['line ends of Windows', 'a\r\nb\r\n', 'a\nb\n'],
  ['an emoji that is drawn over', '🤖🤖🤖\r✅\n', '✅🤖🤖\n'],
  ['a hidden cursor', `${esc}[?25lx${esc}[?25h\n`, 'x\n'],
  ['plain text', 'a\tb\n\nc', 'a\tb\n\nc'],
])('%s reaches the model as a person would see it', async (_, output, seen) => {
  const { run } = toolBench(() => ({ chunks: [output] }));
  expect((await run(shellExec, { id: 'main', command: 'x' })).output.trimEnd()).toBe(seen.trimEnd());
  expect((await run(shellView, { id: 'main' })).output.trimEnd()).toBe(`corral:~$ x\n${seen.trimEnd()}`);
  expect((await checked(output))?.trimEnd()).toBe(seen.trim());
  expect((await worked(output)).trimEnd()).toBe(seen.trimEnd());
  const screen = new ScreenText();
  const parts = [...output].map((char) => screen.add(char)); // in the smallest pieces
  expect((parts.join('') + screen.end()).replace(/\s+$/, '')).toBe(seen.replace(/\s+$/, ''));
});

test('the end of a check begins with a whole character', async () => {
  expect(await checked(`${'🤖'.repeat(2_000)}x`)).toBe(`${'🤖'.repeat(1_499)}x`);
});

test('an output without line ends passes in bounded memory', () => {
  const screen = new ScreenText();
  let length = 0;
  for (let n = 0; n < 100; n++) length += screen.add('x'.repeat(10_000)).length;
  expect(length).toBeGreaterThan(900_000);
  expect(length + screen.end().length).toBe(1_000_000);
});
