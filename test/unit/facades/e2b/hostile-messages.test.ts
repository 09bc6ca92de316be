import { afterAll, expect, test } from 'vitest';
import type { SandboxHandle } from '../../../../src/sessions/api/sandbox-interior.ts';
import { e2bFacade, pathEntry } from '../../../support/clients/e2b-facade.ts';

// Messages that would hold the server's only thread for seconds. Each is refused by its size or by a count of its parts,
// before anything is built from it.
const stat: SandboxHandle['paths']['stat'] = async (path) => ({ ...pathEntry(path), workspace: true });
const it = await e2bFacade({ inside: { paths: { ...({} as SandboxHandle['paths']), stat } } });
const sandbox = await it.create();
afterAll(() => it[Symbol.asyncDispose]());

const MiB = 2 ** 20;
const framed = (text: string) => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([head, Buffer.from(text)]);
};
const unary = (path: string, body: string) => it.agent(sandbox, path, body);
const stream = (path: string, body: string) =>
  it.agent(sandbox, path, framed(body), { 'content-type': 'application/connect+json' });

const deep = (depth: number) => `{"path":${'['.repeat(depth)}${']'.repeat(depth)}}`;
const wide = (count: number) => `{"path":[${'0,'.repeat(count)}0]}`;
const keys = (count: number) => `{${Array.from({ length: count }, (_, at) => `"k${at}":0`).join()}}`;

test.each([
  ['Stat', 'nested 33 levels', deep(32)],
  ['Stat', 'with 10,001 values', wide(10_001)],
  ['Stat', 'of more than 64 KiB', JSON.stringify({ path: 'a'.repeat(64 * 1024) })],
])('a unary call of %s %s is refused as resource_exhausted', async (method, _what, body) => {
  const { status, body: output } = await unary(`/filesystem.Filesystem/${method}`, body);
  expect([status, output.code]).toEqual([429, 'resource_exhausted']);
});
test.each([
  ['nested half a million levels', '['.repeat(MiB / 2)],
  ['with 200,000 names', keys(200_000)],
  ['of more than 4 MiB', JSON.stringify({ process: { cmd: 'a'.repeat(4 * MiB) } })],
])('a stream that begins with a message %s ends with resource_exhausted', async (_what, body) => {
  const { text } = await stream('/process.Process/Start', body);
  expect(text).toContain('"code":"resource_exhausted"');
});
test.each(['/process.Process/Connect', '/filesystem.Filesystem/WatchDir'])(
  'a stream of %s needs no data: it is small',
  async (path) => {
    const { text } = await stream(path, JSON.stringify({ path: 'a'.repeat(64 * 1024) }));
    expect(text).toContain('larger than 65536 bytes');
  },
);
test('a large input of a process passes, because only its bytes count', async () => {
  const input = { stdin: Buffer.alloc(2 * MiB).toString('base64') };
  const { body } = await unary('/process.Process/SendInput', JSON.stringify({ process: { pid: 1 }, input }));
  expect(body.code).not.toBe('resource_exhausted');
});
test('code is refused by the same limits, with the status of a body', async () => {
  const headers = { 'x-access-token': sandbox.access };
  const execute = (body: string) => it.port(sandbox.sid, 49_999, '/execute', { method: 'POST', body, headers });
  expect((await execute(JSON.stringify({ code: 'a'.repeat(4 * MiB) }))).status).toBe(413);
  expect((await execute(`{"code":"1","x":${'['.repeat(100_000)}`)).status).toBe(413);
});
test('a body of the control plane is refused by the same counts', async () => {
  const post = (body: string) => it.ask('/v2/sandboxes', { method: 'POST', body, headers: { 'x-api-key': 'any' } });
  for (const body of [`{"metadata":${'['.repeat(100_000)}`, keys(200_000)]) {
    const { status, body: output } = await post(body);
    expect([status, output.message]).toEqual([400, expect.stringContaining('too complex')]);
  }
});
test('a parameter of a tRPC query is refused by the same counts', async () => {
  const input = encodeURIComponent('['.repeat(5_000));
  const { status, text } = await it.ask(`/trpc/projects.list?input=${input}`);
  expect([status, text]).toEqual([400, expect.stringContaining('deeper than 64')]);
});
