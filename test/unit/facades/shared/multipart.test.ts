import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import type { FastifyRequest } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { parseMultipartFiles, readMultipartFiles } from '../../../../src/http/transport/multipart.ts';

const type = 'multipart/form-data; boundary=b';
const part = (name: string, content: string) =>
  `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n${content}\r\n`;
const taking = async (body: Readable, whole: string[]) =>
  await parseMultipartFiles(body, type, async ({ filename, content }) => {
    whole.push(`${filename}=${await buffer(content)}`);
  });

/** The address of a server that answers a request with this text, or with the code of the error. */
async function serving(answer: (request: IncomingMessage) => Promise<string | undefined>) {
  const server = createServer((request, response) => {
    void answer(request).then(
      (text) => response.end(text),
      (thrown: AppError) => response.end(thrown.code),
    );
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
async function* broken() {
  yield Buffer.from(`${part('a', '1')}${part('b', '2').slice(0, -2)}`);
  throw new Error('the source broke');
}

test.each([
  [
    'body without its end, though it arrived while an earlier file was stored,',
    [Buffer.from(`${part('a', '1')}${part('b', '22')}`.slice(0, -3))],
  ],
  ['source that breaks', broken()],
])('a %s fails its last file', async (_, pieces) => {
  const whole: string[] = [];
  await expect(taking(Readable.from(pieces), whole)).rejects.toMatchObject({ code: 'invalid_request' });
  expect(whole).toEqual(['a=1']);
});

test('a body with more than 1,000 files is refused, instead of losing some of them', async () => {
  const parts = Array.from({ length: 1_001 }, (_, n) => part(`f${n}`, 'x'));
  const body = Readable.from([Buffer.from(`${parts.join('')}--b--\r\n`)]);
  await expect(taking(body, [])).rejects.toMatchObject({ code: 'payload_too_large' });
});

test('the texts next to the files are read, before and after them', async () => {
  const texts = new Map<string, string>();
  const url = await serving(async (raw) => {
    const request = { raw } as FastifyRequest;
    const [file] = await readMultipartFiles(request, { files: 1, texts }, async ({ content }) => await text(content));
    return file;
  });
  const body = new FormData();
  body.set('expires_in_seconds', '3600');
  body.set('file', new Blob(['x']), 'a.txt');
  body.set('after', 'y');
  expect(await (await fetch(url, { method: 'POST', body })).text()).toBe('x');
  expect(Object.fromEntries(texts)).toEqual({ expires_in_seconds: '3600', after: 'y' });
});

test('a request without its end fails its last file, though all of its bytes were read', async () => {
  const whole: string[] = [];
  const url = await serving((request) => taking(request, whole).then(() => 'stored'));
  const body = `${part('a', '1')}${part('b', 'x'.repeat(200_000))}`.slice(0, -2);
  const answer = await fetch(url, { method: 'POST', body });
  expect([await answer.text(), whole]).toEqual(['invalid_request', ['a=1']]);
});

test('a refused request is answered while the client still sends, and its connection stays', async () => {
  const refusing = (): Promise<string> => Promise.reject(new AppError('conflict', 'No.'));
  const read = (raw: IncomingMessage) => readMultipartFiles({ raw } as FastifyRequest, { files: 1 }, refusing);
  const url = await serving(async (raw) => (await read(raw))[0]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  for (let times = 0; times < 2; times++) {
    const sending = request(url, { agent, method: 'POST', headers: { 'content-type': type } });
    sending.write(part('a', 'x').slice(0, -2));
    const [answer] = (await once(sending, 'response')) as [IncomingMessage];
    for (let sent = 0; sent < 20; sent++) sending.write(Buffer.alloc(2 ** 20, 'x'));
    sending.end();
    expect([await text(answer), sending.reusedSocket]).toEqual(['conflict', times > 0]);
    await once(sending, 'close');
  }
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
