import { expect, test } from 'vitest';
import { quoteLines, toShortLine } from '../../../src/core/text/quote.ts';
import { replaceLoneSurrogates, truncateEnd, truncateStart } from '../../../src/core/text/text.ts';
import { toCharacterBoundary } from '../../../src/web/parts/bounded-text.ts';
import { compatibleModel } from '../../support/agents/models.ts';
import { asks, says, writerBench } from '../../support/machines/session-parts.ts';
import { calledFact } from '../../support/stores/store.ts';

const half = '\ud83e';
const emoji = '🤖';

test.each([
  ['a text', `half ${half}`, 'half \ufffd'],
  ['the second half', '\udd16 text', '\ufffd text'],
  ['halves in the wrong order', '\udd16\ud83e', '\ufffd\ufffd'],
  ['inside of fields and lists', { a: [{ b: half }], c: 1 }, { a: [{ b: '\ufffd' }], c: 1 }],
  ['a key', { [half]: 1 }, { '\ufffd': 1 }],
  ['the field __proto__', JSON.parse(`{"__proto__": "${half}"}`), JSON.parse('{"__proto__": "\ufffd"}')],
])('half of a character is replaced in %s', (_, value, whole) =>
  expect(replaceLoneSurrogates(value)).toStrictEqual(whole),
);

test('what is well formed is the same value, not a copy', () => {
  const value = { a: [emoji, { b: null, c: undefined, d: new Uint8Array(1) }] };
  expect(replaceLoneSurrogates(value)).toBe(value);
});

test.each([
  ['the beginning', (text: string) => truncateEnd(text, 4)],
  ['the end', (text: string) => truncateStart(text, 4)],
  ['a quoted text', (text: string) => quoteLines(text, 5)],
  ['a text on one line', (text: string) => toShortLine(text.repeat(100))],
  ['what is typed at once', (text: string) => text.slice(0, toCharacterBoundary(text, 5))],
])('a cut never splits a character: %s', (_, cut) => {
  for (const text of [`a${emoji}${emoji}${emoji}a`, emoji.repeat(9), `ab${emoji}c${emoji}d`, `日本${emoji}語`])
    expect(cut(text).isWellFormed()).toBe(true);
});

test('half of a character is in no stored fact', async () => {
  const { writer, received } = writerBench();
  await writer.write([asks(`half ${half}`)]);
  await writer.write([says(`half ${half}`)]);
  await writer.write([calledFact({ output: `a result's ${half}` })]);
  const stored = JSON.stringify(received);
  const texts = ['half \ufffd', "a result's \ufffd", '\\ud83e'];
  expect(texts.map((text) => stored.includes(text))).toEqual([true, true, false]);
});

test('half of a character is in no request to a model', async () => {
  let body = '';
  const model = await compatibleModel(async (_url, init) => {
    body = String(init?.body);
    return new Response('{}', { status: 400 });
  });
  const request = { system: `system ${half}`, messages: [{ role: 'user', text: `half ${half}` }], tools: [] } as never;
  await Array.fromAsync(model.turn(request, new AbortController().signal));
  expect([body.includes('half \ufffd'), /\\ud83e/i.test(body)]).toEqual([true, false]);
});
