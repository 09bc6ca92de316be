import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fetchWithRedirects, type PageFetcher } from '../../../../src/agents/page-fetch/fetch.ts';

type Page = {
  status?: number;
  headers?: Record<string, string>;
  body?: Uint8Array | string | (() => AsyncIterable<Buffer>);
};
function web(pages: Record<string, Page>) {
  const requests: string[] = [];
  const ask: PageFetcher = async (url) => {
    requests.push(url.href);
    const { status = 200, headers = {}, body = '' } = pages[url.href] ?? { status: 404 };
    const once = async function* () {
      yield Buffer.from(body as string);
    };
    return { status, headers, body: typeof body === 'function' ? body() : once() };
  };
  return { requests, fetch: (address: string) => fetchWithRedirects(address, ask, new AbortController().signal) };
}
const to = (location: string): Page => ({ status: 302, headers: { location } });

test('each redirect is requested again, and the last address is the result', async () => {
  const { fetch, requests } = web({
    'http://a.example/': to('/b'),
    'http://a.example/b': to('https://c.example/d'),
    'https://c.example/d': { headers: { 'content-type': 'Text/HTML; charset="latin1"' }, body: 'x' },
  });
  const page = await fetch('http://a.example/');
  expect(page).toMatchObject({ status: 200, type: 'text/html', charset: 'latin1', isCut: false });
  expect([page.url.href, page.bytes.toString()]).toEqual(['https://c.example/d', 'x']);
  expect(requests).toEqual(['http://a.example/', 'http://a.example/b', 'https://c.example/d']);
});

test('addresses that are none, loops and other schemes are refused', async () => {
  const loop = web({ 'http://a.example/': to('/'), 'http://f.example/': to('file:///etc/passwd') });
  const expected = { code: 'not_found', publicMessage: expect.stringContaining('more than 5 times') };
  await expect(loop.fetch('http://a.example/')).rejects.toMatchObject(expected);
  expect(loop.requests).toHaveLength(6);
  for (const address of ['http://f.example/', 'file:///etc/passwd', 'nonsense', 'http://user:pw@a.example/'])
    await expect(loop.fetch(address)).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a body is cut at 10 MiB, and its sender is stopped', async () => {
  let sent = 0;
  let ended = false;
  const flood = async function* () {
    try {
      for (; sent < 50; sent++) yield Buffer.alloc(1024 * 1024);
    } finally {
      ended = true;
    }
  };
  const { fetch } = web({ 'http://a.example/': { body: flood } });
  const { bytes, isCut } = await fetch('http://a.example/');
  expect([bytes.length, isCut]).toEqual([10 * 1024 * 1024, true]);
  expect(sent).toBeLessThan(20);
  await expect.poll(() => ended).toBe(true);
});

test('compressed bodies are unpacked, bombs are cut, and broken ones are named', async () => {
  const headers = { 'content-encoding': 'gzip' };
  const { fetch } = web({
    'http://a.example/': { headers, body: gzipSync('hello') },
    'http://b.example/': { headers, body: gzipSync(Buffer.alloc(60_000_000)) },
    'http://c.example/': { headers, body: 'no gzip' },
    'http://d.example/': { headers: { 'content-encoding': 'compress' } },
    'http://e.example/': { headers: { 'content-encoding': 'br' }, body: brotliCompressSync('hello') },
    'http://f.example/': { headers: { 'content-encoding': 'deflate' }, body: deflateSync('hello') },
    'http://g.example/': { headers: { 'content-encoding': 'x-gzip' }, body: gzipSync('hello') },
    'http://h.example/': { headers: { 'content-encoding': 'zstd' }, body: zstdCompressSync('hello') },
  });
  for (const site of ['a', 'e', 'f', 'g', 'h'])
    expect((await fetch(`http://${site}.example/`)).bytes.toString(), site).toBe('hello');
  expect(await fetch('http://b.example/')).toMatchObject({ isCut: true });
  await expect(fetch('http://c.example/')).rejects.toMatchObject({ code: 'not_found' });
  await expect(fetch('http://d.example/')).rejects.toMatchObject({ code: 'unsupported' });
});
