import { once } from 'node:events';
import { type ClientRequest, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { WireClient } from '../../support/clients/e2b-wire.ts';

const plain = { 'content-type': 'application/octet-stream' };
const form = { 'content-type': 'multipart/form-data; boundary=b' };
const part = (name: string) => `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`;
const half = 'x'.repeat(200_000);

// Uploads that break off: each file is complete or unchanged.
export function uploadRows(it: WireClient): void {
  const run = async (text: string) => (await it.stream('process.Process/Start', it.shell(text))).stdout;
  const isArriving = () => run('find ~/up -name ".corral-*" -size +50k');
  const folder = async () => {
    await run('rm -rf ~/up; mkdir ~/up; printf old > ~/up/old');
    const files = () => run('cd ~/up; for f in $(ls -A); do echo "$f=$(head -c 9 $f)"; done');
    /** The sandbox notices the break a moment later than the client. */
    return { are: (...lines: string[]) => expect.poll(files).toBe(lines.map((it) => `${it}\n`).join('')) };
  };
  /** Sends the headers and part of the body, and disconnects when the sandbox has that part. */
  const cut = async (begun: ClientRequest, body: string | Buffer) => {
    begun.on('error', () => {});
    begun.write(body);
    await expect.poll(isArriving).not.toBe('');
    begun.destroy();
    await expect.poll(isArriving).toBe('');
  };
  const upload = (path: string, headers: Record<string, string>) =>
    request(`${it.url}${path}`, { method: 'POST', headers: it.own({ 'content-length': '9000000', ...headers }) });

  test.each(['old', 'new'])('a plain upload that is cut leaves the file %s as it was', async (name) => {
    const files = await folder();
    await cut(upload(`/files?path=up/${name}`, plain), half);
    await files.are('old=old');
  });
  test('a multipart upload that is cut leaves the parts before, and nothing of the last one', async () => {
    const files = await folder();
    const body = `${part('up/first')}whole\r\n${part('up/old')}${half}`;
    await cut(upload('/files', form), body);
    await files.are('first=whole', 'old=old');
  });
  test('a multipart upload without its end is 400, and leaves the parts before', async () => {
    const files = await folder();
    const body = `${part('up/first')}whole\r\n${part('up/old')}${half}`;
    expect((await it.agent('/files', { method: 'POST', headers: form, body })).status).toBe(400);
    await files.are('first=whole', 'old=old');
  });
  test.each([
    ['plain', plain, half],
    ['multipart', form, `${part('up/old')}${half}\r\n--b--\r\n`],
  ])('a %s upload in gzip without its end is 400 and leaves the old file', async (_name, headers, body) => {
    const files = await folder();
    const packed = gzipSync(body, { level: 0 });
    const short = new Uint8Array(packed.subarray(0, packed.length - 1_000));
    const sent = { ...headers, 'content-encoding': 'gzip' };
    const answer = await it.agent('/files?path=up/old', { method: 'POST', headers: sent, body: short });
    expect(answer.status).toBe(400);
    await files.are('old=old');
  });
  test('an upload over the limit leaves the old file', async () => {
    const files = await folder();
    const sending = upload('/files?path=up/old', plain).on('error', () => {});
    const answered = once(sending, 'response').then(([answer]) => answer.statusCode);
    sending.end(Buffer.alloc(9_000_000, 'x'));
    expect(await answered).toBe(413);
    await files.are('old=old');
  });
  test.each(['old', 'new'])('a cut upload of the streams interface leaves the file %s as it was', async (name) => {
    const files = await folder();
    const to = `${it.url}/streams/sessions/${it.sid}/file?path=up/${name}`;
    const headers = { ...plain, authorization: `Bearer ${it.key}`, 'content-length': '9000000' };
    await cut(request(to, { method: 'PUT', headers }), half);
    await files.are('old=old');
  });
}
