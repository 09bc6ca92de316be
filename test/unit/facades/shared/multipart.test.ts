import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FastifyRequest } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import type { AppError } from '../../../../src/core/errors/errors.ts';
import { parseMultipartFiles, readMultipartFiles } from '../../../../src/http/transport/multipart.ts';

const type = 'multipart/form-data; boundary=b';
const part = (name: string, text: string) =>
  `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n${text}\r\n`;
const taking = async (body: Readable, whole: string[]) =>
  await parseMultipartFiles(body, type, async ({ filename, content }) => {
    whole.push(`${filename}=${await buffer(content)}`);
  });

test('a body without its end fails its last file, though it arrived while an earlier one was stored', async () => {
  const whole: string[] = [];
  const body = Readable.from([Buffer.from(`${part('a', '1')}${part('b', '22')}`.slice(0, -3))]);
  await expect(taking(body, whole)).rejects.toMatchObject({ code: 'invalid_request' });
  expect(whole).toEqual(['a=1']);
});

test('a source that breaks fails the file that is being read', async () => {
  async function* broken() {
    yield Buffer.from(`${part('a', '1')}${part('b', '2').slice(0, -2)}`);
    throw new Error('the source broke');
  }
  const whole: string[] = [];
  await expect(taking(Readable.from(broken()), whole)).rejects.toMatchObject({ code: 'invalid_request' });
  expect(whole).toEqual(['a=1']);
});

test('a body with more than 1,000 files is refused, instead of losing some of them', async () => {
  const parts = Array.from({ length: 1_001 }, (_, n) => part(`f${n}`, 'x'));
  const body = Readable.from([Buffer.from(`${parts.join('')}--b--\r\n`)]);
  await expect(taking(body, [])).rejects.toMatchObject({ code: 'payload_too_large' });
});

test('the texts next to the files are read, before and after them', async () => {
  const texts = new Map<string, string>();
  const server = createServer((raw, response) => {
    void readMultipartFiles(
      { raw } as FastifyRequest,
      { files: 1, texts },
      async ({ content }) => await buffer(content),
    ).then(
      ([file]) => response.end(file),
      (thrown: AppError) => response.end(thrown.code),
    );
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const body = new FormData();
  body.set('expires_in_seconds', '3600');
  body.set('file', new Blob(['x']), 'a.txt');
  body.set('after', 'y');
  const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body });
  expect([await answer.text(), [...texts]]).toEqual([
    'x',
    [
      ['expires_in_seconds', '3600'],
      ['after', 'y'],
    ],
  ]);
});

test('a request without its end fails its last file, though all of its bytes were read', async () => {
  const whole: string[] = [];
  const server = createServer((request, response) => {
    void taking(request, whole).then(
      () => response.end('stored'),
      (thrown: AppError) => response.end(thrown.code),
    );
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const body = `${part('a', '1')}${part('b', 'x'.repeat(200_000))}`.slice(0, -2);
  const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body });
  expect([await answer.text(), whole]).toEqual(['invalid_request', ['a=1']]);
});

test.each([
  ['a file of another name', 'name="other"; filename="x"'],
  ['a text', 'name="text"'],
])('a body that is nearly all %s is refused early', async (_, field) => {
  let sent = 0;
  async function* endless() {
    yield Buffer.from(`--b\r\nContent-Disposition: form-data; ${field}\r\n\r\n`);
    for (; sent < 2 ** 30; sent += 2 ** 20) yield Buffer.alloc(2 ** 20, 'x');
  }
  await expect(taking(Readable.from(endless()), [])).rejects.toMatchObject({ code: 'payload_too_large' });
  expect(sent).toBeLessThan(64 * 2 ** 20);
});

test('a file that is taken does not count against what is next to the files', async () => {
  async function* large() {
    yield Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n');
    for (let n = 0; n < 40; n++) yield Buffer.alloc(2 ** 20, 'x');
    yield Buffer.from('\r\n--b--\r\n');
  }
  const sizes = await parseMultipartFiles(
    Readable.from(large()),
    type,
    async ({ content }) => (await buffer(content)).length,
  );
  expect(sizes).toEqual([40 * 2 ** 20]);
});

const flood = (begin: string, piece: string, count: number) => [begin, ...Array<string>(count).fill(piece)];
const mib = 'x'.repeat(2 ** 20);
test.each([
  ['a header without an end', flood(`${part('a', '').slice(0, -4)}X: `, mib, 100), 'payload_too_large'],
  ['headers without an end', flood(part('a', '').slice(0, -4), 'X-A: b\r\n'.repeat(50_000), 200), 'payload_too_large'],
  ['parts of another name', flood('', part('a', 'x').replace('"file"', '"x"').repeat(1_000), 100), 'payload_too_large'],
  ['parts without a name', flood('', '--b\r\n\r\nx\r\n'.repeat(1_000), 100), 'invalid_request'],
  ['text before the first part', flood('', mib, 100), 'payload_too_large'],
  ['text behind the last part', flood(`${part('a', 'x')}--b--\r\n`, mib, 100), 'payload_too_large'],
  ['beginnings of a boundary', flood(part('a', '').slice(0, -2), '\r\n-'.repeat(300_000), 10), 'invalid_request'],
])('a body that has %s is refused, and no more of it is read', async (_, pieces, code) => {
  let read = 0;
  const body = Readable.from(
    (function* () {
      for (const piece of pieces) {
        read += piece.length;
        yield Buffer.from(piece);
      }
    })(),
  );
  await expect(taking(body, [])).rejects.toMatchObject({ code });
  expect(read).toBeLessThan(30 * 2 ** 20);
});
