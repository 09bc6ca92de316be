import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { shellExec, shellView } from '../../../src/agents/tools/shell.ts';
import { runBash } from '../../../src/cli/worker/bash.ts';
import type { Box } from '../../../src/client/index.ts';
import { renderScreenText, ScreenText } from '../../../src/core/text/terminal/screen-text.ts';
import { truncateEnd, truncateStart } from '../../../src/core/text/text.ts';
import { runGoalChecks } from '../../../src/sessions/run/goal/judge.ts';
import { toolBench } from '../../support/agents/tools.ts';

const esc = '\u001b';
const frames = (count: number, frame: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => frame(n + 1)).join('');

// Lines of BidiCharacterTest.txt 17.0 (Unicode, Inc.): letters and digits of both directions, with brackets and marks.
const bidi = ['05D0 05D1 0028 05D2 05D3 005B 0026 0065 0066 005D 002E 0029 0067 0068', '062A 0031 002F 0032']
  .concat(['0627 0628 062C 0020 0062 006F 006F 006B 0028 0073 0029', '05D0 0028 0332 05D1 0029 0333'])
  .map((line) => String.fromCodePoint(...line.split(' ').map((hex) => Number.parseInt(hex, 16))))
  .join('\n');

const { signal } = new AbortController();
/** The text for an agent about a goal's check with this output. */
async function checked(output: string): Promise<string | undefined> {
  const client = toolBench(() => ({ chunks: [output] })).sandbox;
  const work = {
    runWriter: { runId: 'r', checkedIn: () => [], goal: (fact: unknown) => fact, write: async () => {} },
    sandbox: { use: async () => ({ client, [Symbol.asyncDispose]: async () => {} }) },
  };
  const checks = [{ command: 'x', timeoutSeconds: 9 }];
  return (await runGoalChecks(work as never, { checks, round: 1 }, signal))[0]?.detail;
}
/** The text for an agent about a worker's command with this output. */
async function worked(stdout: string): Promise<string> {
  const box = {
    files: { write: async () => {} },
    api: { sandbox: { exec: { mutate: async () => {} } } },
    exec: async () => ({ stdout, stderr: 'exit 0\n' }),
  };
  return (await runBash(box as unknown as Box, 'c', { command: 'x' }, signal)).text;
}

const progress = frames(3_000, (n) => `\r${n}/3000 [${'#'.repeat(n / 100)}]`);
const spinner = frames(999, (n) => `\b${'|/-\\'[n % 4]}`);
const redrawn = frames(50, (n) => `${esc}[2A${esc}[2Ka ${n}\n${esc}[2K\rb ${n}\n`);
test.each([
  ['a progress bar', `begin\n${progress}\nend\n`, `begin\n3000/3000 [${'#'.repeat(30)}]\nend\n`],
  ['a shorter frame leaves the end of a longer one', 'abcdef\rxy\n', 'xycdef\n'],
  ['a frame that erases the line', `abcdef\r${esc}[Kxy\n`, 'xy\n'],
  ['a frame that erases the whole line', `abcdef${esc}[2K\rxy\n`, 'xy    \n'],
  ['a spinner with backspaces', `wait ${spinner}\b \bdone\n`.replace('wait \b', 'wait  \b'), 'wait done\n'],
  ['colours', `${esc}[1;31mred${esc}[0m ${esc}[38;2;1;2;3mrgb${esc}[m\n`, 'red rgb\n'],
  ['a title and a link', `${esc}]0;title\u0007a ${esc}]8;;http://x${esc}\\link${esc}]8;;${esc}\\\n`, 'a link\n'],
  ['several lines that are drawn again', `a 1\nb 1\n${redrawn}end`, 'a 50\nb 50\nend'],
  ['a screen that is cleared', `old\nolder\n${esc}[2J${esc}[Hnew\n`, 'new\n'],
  ['line ends of Windows', 'a\r\nb\r\n', 'a\nb\n'],
  ['an emoji that is drawn over', '🤖🤖🤖\r✅\n', '✅🤖🤖\n'],
  ['a wide character under two narrow ones', '漢字\rab\n', 'ab字\n'],
  ['half of a wide character that is drawn over', '漢字\rx\n', 'x 字\n'],
  ['backspaces over a wide character', '1漢\b\bxy\n', '1xy\n'],
  ['a column behind wide characters', `漢字${esc}[3Gx\n`, '漢x\n'],
  ['columns of a table of emoji', `✅ a${esc}[8G|\r⚡ b\n🚀 c${esc}[8G|\n`, '⚡ b   |\n🚀 c   |\n'],
  ['the erased half of a wide character', `漢字\r${esc}[3C${esc}[Kx\n`, '漢 x\n'],
  ['the deleted half of a wide character', `漢字\r${esc}[1P\n`, ' 字\n'],
  ['accents that come alone', 'e\u0301te\u0301\ro\n', 'ote\u0301\n'],
  ['a family, a flag and a keycap', '👨‍👩‍👧🇩🇪1️⃣\rabcdef\n', 'abcdef\n'],
  ['a heart that a selector widens', '❤️x\rab\n', 'abx\n'],
  ['syllables of Hangul', '\u1112\u1161\u11ab한\rabcd\n', 'abcd\n'],
  ['Thai', 'กำก็\rab\n', 'ab\n'],
  ["Unicode's bidirectional examples", bidi, bidi],
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

// GraphemeBreakTest.txt 17.0 (Unicode, Inc., unicode.org/terms_of_use.html): `÷` is where a text can be cut.
const [columns = [], ...rows] = readFileSync(new URL('GraphemeBreakTest.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('|').map((part) => part.trim().split(/ +/)));
const lines = rows.flatMap(([begin = [], marks]) =>
  marks ? marks.map((mark, n) => [...begin, mark, columns[1]?.[n], '÷'].join(' ')) : [begin.join(' ')],
);
const breaks = lines.map((line): [string, string[]] => {
  const parts = line.split('÷').slice(1, -1);
  return [line, parts.map((part) => String.fromCodePoint(...part.split('×').map((hex) => Number.parseInt(hex, 16))))];
});
test.each(breaks)('%s is cut only where a person sees two characters', (_, texts) => {
  const whole = `${'\t'.repeat(70)}${texts.join('')}${'\t'.repeat(70)}`;
  let place = 70;
  for (const text of texts) {
    for (let at = place + 1; at <= place + text.length; at++) {
      const cut = at === place + text.length ? at : place;
      expect(truncateEnd(whole, at)).toBe(whole.slice(0, cut));
      expect(truncateStart(whole, whole.length - at)).toBe(whole.slice(place + text.length));
    }
    place += text.length;
  }
});

test.each([
  ['a row of flags', '🇩🇪'.repeat(100), 202, 200],
  ['a character longer than the limit', '👨‍👩‍👧', 4, 3],
  ['half of an only character', '😀', 1, 0],
  ['a text that just fits', 'short', 5, 5],
  ['a letter with a thousand accents', `a${'\u0301'.repeat(1_000)}`, 500, 500],
])('%s is cut', (_, text, most, length) => {
  expect(truncateEnd(text, most)).toHaveLength(length);
  expect(truncateStart(text, most).length).toBeLessThanOrEqual(most);
});

test('the widths are those of the terminal on the page', async () => {
  Buffer.poolSize = 0; // the page's table is read from the beginning of its memory
  const { UnicodeGraphemesAddon } = await import('@xterm/addon-unicode-graphemes');
  const all: { version: string; charProperties(point: number, before: number): number }[] = [];
  new UnicodeGraphemesAddon().activate({ unicode: { register: (one: never) => all.push(one) } } as never);
  const ofPage = (text: string) => {
    let [before, cells] = [0, 0];
    for (const char of text) {
      const next = all[1]?.charProperties(char.codePointAt(0) ?? 0, before) ?? 0;
      cells += ((next >> 1) & 3) - (next & 1 ? (before >> 1) & 3 : 0);
      before = next;
    }
    return cells;
  };
  const blocks = [
    0x20, 0x370, 0x590, 0xe00, 0x1100, 0x2010, 0x2300, 0x2600, 0x3000, 0xac00, 0xff01, 0x1f1e6, 0x1f300, 0x1f600,
  ];
  const single = blocks.flatMap((first) => Array.from({ length: 200 }, (_, n) => String.fromCodePoint(first + n)));
  const texts = [
    ...single.filter((text) => /\p{Assigned}/u.test(text)),
    ...breaks.map(([, parts]) => parts.join('')).filter((text) => !/\p{Cc}/u.test(text)),
    ...['❤️', '☎️', '1️⃣', '👨‍👩‍👧', '🏳️‍🌈', '👍🏽', '🇩🇪', 'क्षि', 'กำ', '𠀀'],
  ];
  const wrong = texts.filter((text) => {
    const [over, less] = [0, 1].map((fewer) => 'x'.repeat(ofPage(text) - fewer));
    return renderScreenText(`${text}\r${over}`) !== over || renderScreenText(`${text}\r${less}`) === less;
  });
  expect(wrong).toEqual([]);
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
