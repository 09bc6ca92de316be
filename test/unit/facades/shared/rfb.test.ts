import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  PressedInputTracker,
  RfbClientParser,
  type RfbMessage,
  type RfbMessageKind,
} from '../../../../src/http/transport/rfb.ts';
import { processorMs } from '../../../support/servers/processor-time.ts';

const hello = Buffer.from('RFB 003.008\n\x01\x01', 'latin1');
const text = (size: number) =>
  Buffer.concat([Buffer.from([6, 0, 0, 0, 0, 0, size >> 8, size & 255]), Buffer.alloc(size)]);
const extended = Buffer.concat([
  Buffer.from([6, 0, 0, 0]),
  Buffer.from(new Int32Array([-20]).buffer).swap32(),
  Buffer.alloc(20),
]);
const messages: readonly (readonly [string, RfbMessageKind, Buffer])[] = [
  ['SetPixelFormat', 'setup', Buffer.alloc(20)],
  ['SetEncodings', 'setup', Buffer.from([2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7])],
  ['FramebufferUpdateRequest', 'setup', Buffer.from([3, 1, 0, 0, 0, 0, 0, 9, 0, 9])],
  ['a key that goes down', 'press', Buffer.from([4, 1, 0, 0, 0, 0, 0, 97])],
  ['a key that comes up', 'hands', Buffer.from([4, 0, 0, 0, 0, 0, 0, 97])],
  ['a button that is down', 'press', Buffer.from([5, 1, 0, 5, 0, 5])],
  ['the eighth button of an old viewer', 'press', Buffer.from([5, 128, 0, 5, 0, 5])],
  ['a bare movement', 'hands', Buffer.from([5, 0, 0, 5, 0, 5])],
  ['a short text', 'clipboard', text(3)],
  ['a long text', 'clipboard', text(40_000)],
  ['an extended clipboard', 'clipboard', extended],
  ['EnableContinuousUpdates', 'setup', Buffer.from([150, 1, 0, 0, 0, 0, 0, 9, 0, 9])],
  ['a fence', 'setup', Buffer.from([248, 0, 0, 0, 0, 0, 0, 1, 2, 7, 7])],
  ['xvp', 'resize', Buffer.from([250, 0, 1, 2])],
  ['SetDesktopSize', 'resize', Buffer.concat([Buffer.from([251, 0, 3, 0, 2, 0, 1, 0]), Buffer.alloc(16)])],
  ["QEMU's key that goes down", 'press', Buffer.from([255, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 30])],
  ["QEMU's key that comes up", 'hands', Buffer.from([255, 0, 0, 0, 0, 0, 0, 97, 0, 0, 0, 30])],
  ["QEMU's sound", 'setup', Buffer.from([255, 1, 0, 1])],
];
function greeted(): RfbClientParser {
  const parser = new RfbClientParser();
  expect(parser.push(Buffer.from(hello)).map(({ kind }) => kind)).toEqual(['setup', 'setup', 'share']);
  return parser;
}

test.each(messages)('%s is %s', (_name, kind, bytes) => expect(greeted().push(bytes)).toEqual([{ kind, bytes }]));

test('however a stream is cut, the same messages come out, and byte for byte', () => {
  const all = Buffer.concat(messages.map(([, , bytes]) => bytes));
  const kinds = messages.map(([, kind]) => kind).join();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9_000 }), { maxLength: 30 }), (cuts) => {
      const parser = greeted();
      const out: RfbMessage[] = [];
      let at = 0;
      for (const cut of [...cuts, all.length]) {
        out.push(...parser.push(all.subarray(at, at + cut)));
        at += cut;
      }
      expect(out.map(({ kind }) => kind).join()).toBe(kinds);
      expect(Buffer.concat(out.map(({ bytes }) => bytes)).equals(all)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('a viewer that knows of more buttons sends a seventh byte where it sets the highest bit', () => {
  const parser = greeted();
  parser.push(Buffer.from([2, 0, 0, 1, 0xff, 0xff, 0xfe, 0xc4]));
  const [side, none, next] = parser.push(Buffer.from([5, 128, 0, 1, 0, 1, 1, 5, 128, 0, 1, 0, 1, 0, 5, 1, 0, 1, 0, 1]));
  expect([side?.kind, none?.kind, next?.kind]).toEqual(['press', 'hands', 'press']);
});

test('F127 a megabyte that comes a byte at a time costs what it costs at once', async () => {
  const parser = greeted();
  const bytes = Buffer.concat([Buffer.from([6, 0, 0, 0, 0, 15, 0, 0]), Buffer.alloc(15 * 65_536)]);
  let out = 0;
  const took = await processorMs(() => {
    for (let at = 0; at < bytes.length; at++) out += parser.push(bytes.subarray(at, at + 1)).length;
  });
  expect(out).toBe(1);
  expect(took).toBeLessThan(5_000);
});

test.each([
  ['another protocol', Buffer.from('GET / HTTP')],
  ['another version', Buffer.from('RFB 004.001\n')],
  ['another security type', Buffer.from('RFB 003.008\n\x02', 'latin1')],
])('F127 %s is refused', (_name, bytes) => expect(() => new RfbClientParser().push(bytes)).toThrow(/\.$/));

const request = Buffer.from([3, 0, 0, 0, 0, 0, 0, 9, 0, 9]);
const repeatedSetup = { kind: 'setup', bytes: Buffer.from([3, 1, 0, 0, 0, 0, 0, 9, 0, 9]) };
const press = Buffer.from([4, 1, 0, 0, 0, 0, 0, 97]);
test.each([
  ['an unknown message', [7, 1, 2, 3]],
  ['too many encodings', [2, 0, 255, 255]],
  ['a fence that is too long', [248, 0, 0, 0, 0, 0, 0, 0, 65]],
  ['an unknown message of QEMU', [255, 9, 0, 0]],
])(
  'F127 %s is dropped with the rest of its chunk, the screen is requested again, and the next chunk counts',
  (_, odd) => {
    const parser = greeted();
    expect(parser.push(Buffer.from(odd))).toEqual([]);
    parser.push(request);
    const chunk = Buffer.concat([Buffer.from(press), Buffer.from(odd), request]);
    expect(parser.push(chunk)).toEqual([{ kind: 'press', bytes: press }, repeatedSetup]);
    expect(parser.push(press)).toEqual([{ kind: 'press', bytes: press }]);
  },
);

test('F127 the parser drops a clipboard larger than a megabyte without buffering it', () => {
  const parser = greeted();
  const size = 3 * 2 ** 20;
  expect(parser.push(Buffer.from([6, 0, 0, 0, 0, 48, 0, 0, 4, 1]))).toEqual([]);
  for (let left = size - 2; left > 0; left -= 2 ** 16)
    expect(parser.push(Buffer.alloc(Math.min(left, 2 ** 16), 4))).toEqual([]);
  expect(parser.push(press)).toEqual([{ kind: 'press', bytes: press }]);
});

test('F127 the parser drops messages only whole, so a screen still reads the rest', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(...messages.map(([, , bytes]) => new Uint8Array(bytes))),
  );
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 5 }), { maxLength: 12 }), (chunks) => {
      const parser = greeted();
      const out = chunks.flatMap((pieces) => parser.push(Buffer.concat(pieces)));
      const screen = greeted();
      const read = out.flatMap(({ bytes }) => screen.push(Buffer.from(bytes)));
      // Compared as bytes, because an assertion on an object would compare each of 40,000 bytes separately.
      expect(read.map(({ kind }) => kind)).toEqual(out.map(({ kind }) => kind));
      const bytes = (all: readonly RfbMessage[]) => Buffer.concat(all.map((it) => it.bytes));
      expect(bytes(read).equals(bytes(out))).toBe(true);
    }),
  );
});

test('F127 random bytes make the parser throw only an RfbError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
      try {
        greeted().push(Buffer.from(noise));
      } catch (thrown) {
        expect((thrown as Error).name).toBe('RfbError');
      }
    }),
  );
});

test('RFB 3.3 has no choice of security', () => {
  const kinds = new RfbClientParser().push(Buffer.from('RFB 003.003\n\x01\x04\x01\0\0\0\0\0\x61', 'latin1'));
  expect(kinds.map(({ kind }) => kind)).toEqual(['setup', 'share', 'press']);
});

test('release lets go of each pressed key once, and of no key that is up already', () => {
  const held = new PressedInputTracker();
  const parser = greeted();
  const events = [
    [4, 1, 0, 0, 0, 0, 0, 97],
    [4, 0, 0, 0, 0, 0, 0, 97],
    [4, 1, 0, 0, 0, 0, 255, 225],
    [255, 0, 0, 1, 0, 0, 0, 98, 0, 0, 0, 48],
    [5, 1, 0, 3, 0, 4],
  ];
  for (const message of parser.push(Buffer.from(events.flat()))) held.note(message);
  expect([...held.release()]).toEqual([
    ...[4, 0, 0, 0, 0, 0, 255, 225],
    ...[255, 0, 0, 0, 0, 0, 0, 98, 0, 0, 0, 48],
    ...[5, 0, 0, 3, 0, 4],
  ]);
  expect(held.release()).toHaveLength(0);
});
