import { expect, test } from 'vitest';
import { createDaemonProcessSet } from '../../../sandbox-images/sandboxd/shared-state.ts';
import { TerminalReplay } from '../../../sandbox-images/sandboxd/shells/terminal-replay.ts';

const esc = '\x1b';
function shown(...printed: string[]): string {
  const screen = new TerminalReplay();
  for (const text of printed) screen.push(Buffer.from(text));
  return screen.last().toString();
}
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n}\r\n`).join('');

test('the prompt alone, or nothing', () => {
  expect([shown(), shown('a', 'gent$ ')]).toEqual(['', 'agent$ ']);
});

test('the replay has as many lines as the terminal is high, and begins with a whole line', () => {
  expect(shown(lines(0, 100), '$ ')).toBe(`${lines(77, 100)}$ `);
  const screen = new TerminalReplay();
  screen.rows = 3;
  screen.push(Buffer.from(`${lines(0, 100)}$ `));
  expect(screen.last().toString()).toBe(`${lines(98, 100)}$ `);
});

test('the replay begins after the last clearing of the screen', () =>
  expect(shown(lines(0, 5), `${esc}[H${esc}[2J$ `)).toBe(`${esc}[2J$ `));

test('all that a full-screen program drew, and only lines once it has left', () => {
  const drawn = `${esc}[?1049h${lines(0, 60)}`;
  expect(shown('$ vi\r\n', drawn)).toBe(drawn);
  expect(shown(drawn, `${esc}[?1049l`, lines(0, 40), '$ ')).toBe(`${lines(17, 40)}$ `);
});

test('the replay has at most 64 KiB and begins with a whole sequence or character', () => {
  for (let shift = 0; shift < 24; shift++) {
    const text = shown('x'.repeat(shift), `${esc}[38;5;12mé${esc}]0;a title\x07`.repeat(8_000));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
    expect(Buffer.byteLength(text)).toBeGreaterThan(64 * 1024 - 64);
    expect(['é', `${esc}[38;5;12m`, `${esc}]0;a title`].some((beginning) => text.startsWith(beginning))).toBe(true);
  }
});

test('output in many small pieces gives the same replay as in one piece', () => {
  const text = `${lines(0, 9_000)}$ `;
  expect(shown(...text)).toBe(shown(text));
});

test("the replay drops queries to the viewer's terminal, whose answers would be typed", () => {
  const asking = [
    ...['[6n', '[?6n', '[5n', '[c', '[>c', '[0c', 'Z', '[?2026$p', '[>0q', '[18t', ']11;?\x07', `]4;1;?${esc}\\`],
  ];
  const reports = ['[31m', '[2K', '[?25l', ']0;title\x07', '[22;0t', `]8;;http://a/?b${esc}\\`];
  for (const sequence of asking) expect(shown(`a${esc}${sequence}b`), sequence).toBe('ab');
  expect(shown(`a${esc}P+q544e${esc}\\b`)).toBe('ab');
  for (const sequence of reports) expect(shown(`a${esc}${sequence}b`), sequence).toBe(`a${esc}${sequence}b`);
});

test('the replay keeps an unfinished sequence, which later output completes', () =>
  expect(shown(`$ ${esc}[3`)).toBe(`$ ${esc}[3`));

test("a keeper is the daemon's own until its process has ended, which is later than its output", async () => {
  const keepers = createDaemonProcessSet(process.pid, process.ppid);
  const { promise: closed, resolve } = Promise.withResolvers<number>();
  keepers.hold({ pid: 4_000, closed });
  expect(keepers.spared([])).toContain(4_000);
  resolve(0);
  await closed;
  expect(keepers.spared([])).not.toContain(4_000);
});

test("a keeper that could not be started is nobody's", async () => {
  const keepers = createDaemonProcessSet(process.pid, process.ppid);
  const closed = Promise.reject(new Error('no script'));
  keepers.hold({ pid: 4_000, closed });
  await closed.catch(() => {});
  expect(keepers.spared([])).not.toContain(4_000);
});
