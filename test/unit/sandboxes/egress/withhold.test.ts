import { expect, test } from 'vitest';
import { createTextCutoffStream } from '../../../../src/sandboxes/egress/credentials/withhold.ts';

/** The forwarded part of the chunks, and the index of each text that was found. */
async function passed(texts: readonly string[], chunks: readonly string[]) {
  const found: number[] = [];
  const through = createTextCutoffStream(
    texts.map((text) => Buffer.from(text)),
    (which) => found.push(which),
  );
  for (const chunk of chunks) through.write(chunk);
  through.end();
  const out = await through.toArray();
  return { out: Buffer.concat(out).toString(), found };
}
const pieces = (text: string, size: number) => text.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];

test.each([1, 2, 3, 5, 100])('a text in chunks of %i characters is found, no character of it passes', async (size) => {
  const whole = 'before sk-sk-secret after';
  const { out, found } = await passed(['sk-secret'], pieces(whole, size));
  expect([found, 'before sk-'.startsWith(out)]).toEqual([[0], true]);
});

test.each([1, 2, 3, 5, 100])('beginnings of a text pass whole, in chunks of %i characters', async (size) => {
  const whole = 'sk- sk-s aaab sk-secre';
  expect(await passed(['sk-secret', 'aab-aab'], pieces(whole, size))).toEqual({ out: whole, found: [] });
});
