import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHandle } from '../../../src/sessions/api/sandbox-interior.ts';
import { e2bFacade, pathEntry } from '../../support/clients/e2b-facade.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { oddNames } from '../../support/odd-names.ts';

// Signed URLs of files, as the JavaScript and the Python SDK of E2B write them.

let it: Awaited<ReturnType<typeof e2bFacade>>;
let access = '';
const reached: string[] = [];
const clock = manualClock(60_000);
beforeAll(async () => {
  const paths: Partial<SandboxHandle['paths']> = {
    stat: async (path) => pathEntry(path),
    async open(path) {
      reached.push(`read ${path}`);
      return { size: 4, content: Readable.from([Buffer.from('text')], { objectMode: false }) };
    },
    async write(path, content) {
      for await (const _ of content);
      reached.push(`write ${path}`);
      return pathEntry(path);
    },
  };
  it = await e2bFacade({ clock, inside: { paths: paths as SandboxHandle['paths'] } });
  ({ access } = await it.create());
});
afterAll(() => it[Symbol.asyncDispose]());

const signatureOf = (...parts: string[]) =>
  `v1_${createHash('sha256').update(parts.join(':')).digest('base64').replace(/=+$/, '')}`;
const inJavaScript = (fields: Record<string, string>) => `${new URLSearchParams(fields)}`;
/** Python's `urlencode`: `~` stays, and `*` is escaped. */
const inPython = (fields: Record<string, string>) => inJavaScript(fields).replaceAll('%7E', '~').replaceAll('*', '%2A');

test.each([...oddNames, 'x'.repeat(255)])('the signed URL of a file named %j reads and writes it', async (name) => {
  const path = `n/${name}`;
  for (const encode of [inJavaScript, inPython]) {
    reached.length = 0;
    clock.advance(1_000); // 20 requests a second are admitted
    const signature = signatureOf(path, 'read', '', access);
    const read = await it.ask(`/files?${encode({ path, signature })}`);
    expect([read.status, read.text]).toEqual([200, 'text']);
    expect(read.headers['content-disposition']).toMatch(
      /^attachment; filename="[\x20-\x7e]*"; filename\*=UTF-8''[\w.!~*%-]*$/,
    );
    const signature_expiration = String(2 ** 33);
    const fields = { username: 'user', path, signature_expiration };
    const signed = { ...fields, signature: signatureOf(path, 'write', 'user', access, signature_expiration) };
    const headers = { 'content-type': 'application/octet-stream' };
    const written = await it.ask(`/files?${encode(signed)}`, { method: 'POST', headers, body: 'x' });
    expect(written.status).toBe(200);
    expect(reached).toEqual([`read /home/user/${path}`, `write /home/user/${path}`]);
  }
});
