import { expect, test } from 'vitest';
import { answeredId, lineSplitter } from '../../../../src/agents/mcp/lines.ts';

test('lines come out whole, however the bytes were cut', () => {
  const bytes = Buffer.from('{"a":"é"}\n\nlast\nrest');
  for (const size of [1, 2, 5, 100]) {
    const split = lineSplitter();
    const lines = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...split(bytes.subarray(at, at + size)));
    expect(lines).toEqual(['{"a":"é"}', '', 'last'].map((text) => ({ kind: 'line', text })));
  }
});

test('the splitter keeps only the ends of a line that is too long, and the next line complete', () => {
  const split = lineSplitter(1_000);
  const [long, next] = [
    ...split(Buffer.from('head')),
    ...split(Buffer.alloc(100_000, 'x')),
    ...split(Buffer.from('tail\nnext\n')),
  ];
  const expected = { kind: 'too_long', head: expect.stringMatching(/^headx/), tail: expect.stringMatching(/xtail$/) };
  expect(long).toMatchObject(expected);
  expect(JSON.stringify(long).length).toBeLessThan(10_000);
  expect(next).toEqual({ kind: 'line', text: 'next' });
});

test('the request that a long message answers is found at either end, and only at the top level', () => {
  expect(answeredId({ head: '{"jsonrpc":"2.0","id":12,"result":{', tail: 'x"}}' })).toBe(12);
  expect(answeredId({ head: '{"id":3,"result', tail: '' })).toBe(3);
  expect(answeredId({ head: '{"result":{"id":7', tail: '"},"jsonrpc":"2.0","id":9}' })).toBe(9);
  expect(answeredId({ head: '{"result":{"id":7', tail: 'xxx' })).toBeUndefined();
});
