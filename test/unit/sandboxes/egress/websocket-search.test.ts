import { expect, test } from 'vitest';
import { createFrameSearchFilter } from '../../../../src/sandboxes/egress/credentials/websocket-search.ts';

interface FrameOptions {
  readonly opcode?: number;
  readonly isLast?: boolean;
  /** Added to the frame's first two bytes. */
  readonly bits?: readonly [number, number];
}
function frame(text: string, { opcode = 1, isLast = true, bits = [0, 0] }: FrameOptions = {}): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (isLast ? 0x80 : 0) | opcode | bits[0];
  head[1] = (head.length === 2 ? length : head.length === 4 ? 126 : 127) | bits[1];
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}
/** The bytes that pass, in chunks of this size, and why it ended. */
function passed(bytes: Buffer, size: number) {
  const found: string[] = [];
  const search = createFrameSearchFilter([Buffer.from('sk-secret')], (why) => found.push(why));
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(search.pass(bytes.subarray(at, at + size)));
  return { out: Buffer.concat(out), found };
}
const sizes = [1, 2, 7, 100_000];

test.each(sizes)('messages without the text pass at once and byte for byte, in chunks of %i', (size) => {
  const parts = [
    frame('ends with sk-'),
    frame(''),
    frame('sk-', { isLast: false }),
    frame('', { opcode: 9 }),
    frame('sec', { opcode: 0, isLast: false }),
    frame('ond', { opcode: 0 }),
    frame('a'.repeat(300)),
    frame('b'.repeat(70_000), { opcode: 2 }),
    frame('end', { opcode: 8 }),
  ];
  const bytes = Buffer.concat(size === 1 ? parts.filter(({ length }) => length < 1_000) : parts);
  expect(passed(bytes, size)).toEqual({ out: bytes, found: [] });
});

test.each(sizes)(
  'a text is found across the frames of a message, and no byte of it passes, in chunks of %i',
  (size) => {
    const before = frame('hello');
    const bytes = Buffer.concat([
      before,
      frame('you sent sk-', { isLast: false }),
      frame('x', { opcode: 10 }),
      frame('', { opcode: 0, isLast: false }),
      frame('secret', { opcode: 0 }),
      frame('after'),
    ]);
    const { out, found } = passed(bytes, size);
    expect(found).toEqual(['repeats']);
    expect(out.toString('latin1')).not.toContain('sk-');
    if (size < bytes.length) expect(out.subarray(0, before.length)).toEqual(before);
  },
);

test.each(sizes)('a text in a control frame is found, in chunks of %i', (size) =>
  expect(passed(frame('a sk-secret', { opcode: 9 }), size)).toEqual({ out: Buffer.alloc(0), found: ['repeats'] }),
);

test.each([
  ['masked', frame('hi', { bits: [0, 0x80] })],
  ['compressed', frame('hi', { bits: [0x40, 0] })],
  ['of an unknown kind', frame('hi', { opcode: 3 })],
  ['a control frame in parts', frame('hi', { opcode: 9, isLast: false })],
  ['a long control frame', frame('a'.repeat(126), { opcode: 9 })],
])('a frame that cannot be searched ends the answer: %s', (_, bytes) =>
  expect(passed(bytes, 1_000)).toEqual({ out: Buffer.alloc(0), found: ['unsearchable'] }),
);
