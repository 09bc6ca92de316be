import { expect, test } from 'vitest';
import { detectProtocol } from '../../../../src/sandboxes/egress/tunnel.ts';
import { helloOf, withExtension } from '../../../support/egress/egress-hello.ts';

/** The same handshake in records of `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 5; at < hello.length; at += size) {
    const part = hello.subarray(at, at + size);
    parts.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(parts);
}

const named = await helloOf('Some.Example.test');
const name = 'some.example.test';
test.each([
  ['the name of a TLS hello is read, in lower case', named, { name, encrypted: false }],
  ['a hello without a name has none', await helloOf(), { name: undefined, encrypted: false }],
  [
    'bytes after a hello in the same packet do not matter',
    Buffer.concat([named, Buffer.from([0x14, 3, 3, 0, 1, 1, 0x17, 3, 3])]),
    { name, encrypted: false },
  ],
  ['an encrypted hello is seen as one', withExtension(named, 0xfe0d, Buffer.from([0, 1])), { name, encrypted: true }],
])('%s', (_, hello, found) => expect(detectProtocol(hello)).toEqual({ kind: 'tls', ...found }));

test('a hello that arrives byte by byte says nothing until it is whole', async () => {
  const hello = await helloOf('some.example.test');
  for (let length = 0; length < hello.length; length += 1)
    expect(detectProtocol(hello.subarray(0, length)).kind).toBe('more');
});

test('a hello in more than 64 records is not waited for', async () =>
  expect(detectProtocol(inRecords(await helloOf('some.example.test'), 2)).kind).toBe('broken-tls'));

test.each([50, 100, 400])('a name cannot hide in a hello cut into records of %i bytes', async (size) => {
  const hello = inRecords(await helloOf('some.example.test'), size);
  expect(detectProtocol(hello)).toMatchObject({ kind: 'tls', name: 'some.example.test' });
});

test('a second name, in any form, makes a hello unreadable', async () => {
  const hello = await helloOf('some.example.test');
  const other = Buffer.from('evil.example.test');
  const entry = Buffer.concat([Buffer.from([0, 0, other.length]), other]);
  const one = Buffer.concat([Buffer.from([0, entry.length]), entry]);
  const two = Buffer.concat([Buffer.from([0, entry.length * 2]), entry, entry]);
  expect(detectProtocol(withExtension(hello, 0, one)).kind).toBe('broken-tls');
  expect(detectProtocol(withExtension(await helloOf(), 0, two)).kind).toBe('broken-tls');
  expect(detectProtocol(withExtension(await helloOf(), 0, one))).toMatchObject({ name: 'evil.example.test' });
});

test('a damaged hello neither throws nor gives a name that is too long', async () => {
  const hello = await helloOf('some.example.test');
  for (let at = 1; at < hello.length; at += 1) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bad = Buffer.from(hello);
      bad[at] = value;
      const found = detectProtocol(bad);
      if (found.kind === 'tls') expect(found.name?.length ?? 0).toBeLessThan(256);
    }
  }
});

test.each([
  ['GET / HTTP/1.1\r\n', 'http'],
  ['\r\n\r\nGET / HTTP/1.1\r\n', 'http'],
  ['PROPFIND / HTTP/1.1', 'http'],
  ['GE', 'more'],
  ['\r\n', 'more'],
  ['SSH-2.0-OpenSSH', 'other'],
  ['\x00\x01', 'other'],
  ['get / http/1.1', 'other'],
  ['X'.repeat(60), 'other'],
])('%j is %s', (text, kind) => expect(detectProtocol(Buffer.from(text)).kind).toBe(kind));
