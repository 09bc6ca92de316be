import { expect, test } from 'vitest';
import { countCompleteUtf8Bytes, createBoundedTextDecoder, Utf8Chunker } from '../../../src/core/text/arriving-text.ts';

const text = 'aé漢🤖ไทย\n';
const bytes = Buffer.from(text);
/** All ways to cut the text once, and byte for byte. */
const ways = [
  ...Array.from(bytes.keys(), (at) => [bytes.subarray(0, at), bytes.subarray(at)]),
  Array.from(bytes, (byte) => Buffer.of(byte)),
];

test.each(ways.map((pieces) => [pieces.map(({ length }) => length).join(' + '), pieces] as const))(
  'characters that are split into %s bytes arrive whole',
  async (_, pieces) => {
    const errors = createBoundedTextDecoder(100);
    for (const piece of pieces) errors.add(piece);
    expect(errors.text()).toBe(text.trim());
    const whole = new Utf8Chunker(8);
    const passed = [...pieces.flatMap((piece) => [...whole.add(piece)]), whole.end()];
    expect(passed.map(String).join('')).toBe(text);
  },
);

test('bytes that are no UTF-8 wait for nothing, and an incomplete character comes at the end', () => {
  const whole = new Utf8Chunker(1024);
  expect([...whole.add(Buffer.from('\xff\x80\x80\x80\x80', 'latin1'))].map(({ length }) => length)).toEqual([5]);
  expect([...whole.add(Buffer.from([0xf0, 0x9f, 0xa4]))]).toEqual([]);
  expect(whole.end()).toEqual(Buffer.from([0xf0, 0x9f, 0xa4]));
  expect(countCompleteUtf8Bytes(Buffer.from('\xf8\x80', 'latin1'))).toBe(2);
});
