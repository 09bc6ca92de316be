import { expect, test, vi } from 'vitest';
import { createPipeFrameReader, maxPipeFrameBytes, toPipeFrames } from '../../../src/core/text/pipe-frames.ts';

test('frames survive any cut between them, and an empty one closes the input', () => {
  const sent = Buffer.concat([
    toPipeFrames('output', Buffer.from('one')),
    toPipeFrames('input', Buffer.alloc(0)),
    toPipeFrames('end', Buffer.from('{}')),
  ]);
  for (const size of [1, 3, 7, sent.length]) {
    const reader = createPipeFrameReader();
    const got = [];
    for (let at = 0; at < sent.length; at += size) got.push(...reader.push(sent.subarray(at, at + size)));
    expect(got.map(({ channel, payload }) => `${channel} ${payload}`)).toEqual(['output one', 'input ', 'end {}']);
  }
});

test('many bytes become frames of at most the largest size', () => {
  const bytes = Buffer.alloc(maxPipeFrameBytes * 2 + 1, 'x');
  const got = createPipeFrameReader().push(toPipeFrames('output', bytes));
  expect(got.map(({ payload }) => payload.length)).toEqual([maxPipeFrameBytes, maxPipeFrameBytes, 1]);
});

test('a frame of an unknown channel, or a longer one, is refused before its content arrives', () => {
  expect(() => createPipeFrameReader().push(Buffer.from([9, 0, 0, 0, 1]))).toThrow(RangeError);
  const head = Buffer.from([1, 0, 0, 0, 0]);
  head.writeUInt32BE(maxPipeFrameBytes + 1, 1);
  expect(() => createPipeFrameReader().push(head)).toThrow(RangeError);
});

test('a frame that comes in many pieces is copied once, whatever came before it', () => {
  const bytes = Buffer.from(Array.from({ length: maxPipeFrameBytes }, (_, n) => n % 251));
  const sent = Buffer.concat([toPipeFrames('output', Buffer.from('small')), toPipeFrames('errors', bytes)]);
  using copies = vi.spyOn(Buffer, 'concat');
  const reader = createPipeFrameReader();
  const got = [];
  for (let at = 0; at < sent.length; at += 4_096) got.push(...reader.push(sent.subarray(at, at + 4_096)));
  const sizes = got.map(({ channel, payload }) => `${channel} ${payload.length}`);
  expect(sizes).toEqual(['output 5', `errors ${maxPipeFrameBytes}`]);
  expect(got[1]?.payload.equals(bytes)).toBe(true);
  expect(copies).not.toHaveBeenCalled();
});
