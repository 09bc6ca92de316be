import { expect, test } from 'vitest';
import { Screenful } from '../../../sandbox-images/sandboxd/screenful.ts';

const esc = '\x1b';
function shown(...printed: string[]): string {
  const screen = new Screenful();
  for (const text of printed) screen.push(Buffer.from(text));
  return screen.last().toString();
}
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n}\r\n`).join('');

test('the prompt alone, or nothing', () => {
  expect(shown()).toBe('');
  expect(shown('a', 'gent$ ')).toBe('agent$ ');
});

test('as many lines as the terminal is high, from the beginning of a line', () => {
  expect(shown(lines(0, 100), '$ ')).toBe(`${lines(77, 100)}$ `);
  const screen = new Screenful();
  screen.rows = 3;
  screen.push(Buffer.from(`${lines(0, 100)}$ `));
  expect(screen.last().toString()).toBe(`${lines(98, 100)}$ `);
});

test('nothing from before the screen was cleared', () => {
  expect(shown(lines(0, 5), `${esc}[H${esc}[2J$ `)).toBe(`${esc}[2J$ `);
});

test('all that a full-screen program drew, and only lines once it has left', () => {
  const drawn = `${esc}[?1049h${lines(0, 60)}`;
  expect(shown('$ vi\r\n', drawn)).toBe(drawn);
  expect(shown(drawn, `${esc}[?1049l`, lines(0, 40), '$ ')).toBe(`${lines(17, 40)}$ `);
});

test('at most 64 KiB, and no half sequence or character at its beginning', () => {
  for (let shift = 0; shift < 24; shift++) {
    const text = shown('x'.repeat(shift), `${esc}[38;5;12mé${esc}]0;a title\x07`.repeat(8_000));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
    expect(Buffer.byteLength(text)).toBeGreaterThan(64 * 1024 - 64);
    expect(['é', `${esc}[38;5;12m`, `${esc}]0;a title`].some((beginning) => text.startsWith(beginning))).toBe(true);
  }
});

test('what came in many small pieces is the same as in one', () => {
  const text = `${lines(0, 9_000)}$ `;
  expect(shown(...text)).toBe(shown(text));
});

test('nothing that asks the viewer’s terminal, whose answer would be typed', () => {
  const asking = [
    '[6n',
    '[?6n',
    '[5n',
    '[c',
    '[>c',
    '[0c',
    'Z',
    '[?2026$p',
    '[>0q',
    '[18t',
    ']11;?\x07',
    `]4;1;?${esc}\\`,
  ];
  const told = ['[31m', '[2K', '[?25l', ']0;title\x07', '[22;0t', `]8;;http://a/?b${esc}\\`];
  for (const sequence of asking) expect(shown(`a${esc}${sequence}b`), sequence).toBe('ab');
  expect(shown(`a${esc}P+q544e${esc}\\b`)).toBe('ab');
  for (const sequence of told) expect(shown(`a${esc}${sequence}b`), sequence).toBe(`a${esc}${sequence}b`);
});

test('a sequence whose end is still to come stays, for what follows to end it', () => {
  expect(shown(`$ ${esc}[3`)).toBe(`$ ${esc}[3`);
});
