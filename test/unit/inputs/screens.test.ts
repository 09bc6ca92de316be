import { expect, test } from 'vitest';
import { ScreenText } from '../../../src/agents/tools/screen-text.ts';
import { shellExec } from '../../../src/agents/tools/shell.ts';
import { toolBench } from '../../support/agents/tools.ts';

const esc = '\u001b';
const frames = (count: number, frame: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => frame(n + 1)).join('');

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
  const screen = new ScreenText();
  const parts = [...output].map((char) => screen.add(char)); // in the smallest pieces
  expect((parts.join('') + screen.end()).replace(/\s+$/, '')).toBe(seen.replace(/\s+$/, ''));
});

test('an output without line ends passes in bounded memory', () => {
  const screen = new ScreenText();
  let length = 0;
  for (let n = 0; n < 100; n++) length += screen.add('x'.repeat(10_000)).length;
  expect(length).toBeGreaterThan(900_000);
  expect(length + screen.end().length).toBe(1_000_000);
});
