import { expect, test } from 'vitest';
import { ProcessLogReader } from '../../../../src/web/work/processes/log-reader.ts';

/** A log in memory; `add` lets it grow. */
function growingLog(text: string) {
  let bytes = Buffer.from(text);
  const reader = new ProcessLogReader(async (from, length) => ({
    bytes: bytes.subarray(from, from + length),
    size: bytes.length,
  }));
  return {
    reader,
    add: (more: string) => {
      bytes = Buffer.concat([bytes, Buffer.from(more)]);
    },
  };
}
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `${n + 1} größer`);

test('a log of 60,000 lines begins at its end, and its earlier parts come whole, without a gap', async () => {
  const all = numbered(60_000);
  const { reader } = growingLog(`${all.join('\n')}\n`);
  await reader.more();
  expect(reader.lines.value.at(-1)).toBe('60000 größer');
  expect(reader.lines.value).toEqual(all.slice(-reader.lines.value.length));
  expect(reader.lines.value.length).toBeLessThan(all.length);
  while (reader.start.value > 0) await reader.earlier();
  expect(reader.lines.value).toEqual(all);
});

test('lines that come later are added once, also when a piece ends inside of a letter', async () => {
  const { reader, add } = growingLog('');
  await reader.more();
  const all = numbered(40_000);
  add(all.join('\n'));
  await Promise.all([reader.more(), reader.more()]);
  expect(reader.lines.value).toEqual(all);
  add(' and more\nlast');
  await reader.more();
  expect(reader.lines.value.slice(-2)).toEqual([`${all.at(-1)} and more`, 'last']);
});

test('a line that is longer than a part is shown in pieces, and what is before it is reached', async () => {
  const long = 'x'.repeat(700_000);
  const { reader } = growingLog(`first\n${long}\nlast\n`);
  await reader.more();
  for (let n = 0; n < 10 && reader.start.value > 0; n++) await reader.earlier();
  expect(reader.lines.value.join('')).toBe(`first${long}last`);
  expect([reader.lines.value[0], reader.lines.value.at(-1)]).toEqual(['first', 'last']);
});
