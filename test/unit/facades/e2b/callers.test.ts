import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { createPeppers } from '../../../../src/auth/pepper.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { encodeEnvelope } from '../../../../src/facades/compat/e2b/data/connect.ts';
import { getAnonymousPrincipal } from '../../../../src/facades/compat/e2b/data/serve.ts';
import type { AuditEntry } from '../../../../src/observability/audit/row.ts';
import type { SandboxHandle } from '../../../../src/sessions/api/sandbox-interior.ts';
import { e2bFacade, pathEntry } from '../../../support/clients/e2b-facade.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

// The caller of a data-plane request: its limits, its rows in the audit log, and the end of its tokens.
const inside: Partial<SandboxHandle> = {
  paths: {
    ...({} as SandboxHandle['paths']),
    stat: async (path) => pathEntry(path),
    makeFolder: async (path) => pathEntry(path),
    open: async () => ({ size: 4, content: Readable.from([Buffer.from('text')], { objectMode: false }) }),
  },
};
const resumable = { autoPause: true, autoResume: { enabled: true } };
async function opened(options: Parameters<typeof e2bFacade>[0] = {}) {
  const rows: AuditEntry[] = [];
  const it = await e2bFacade({ inside, token: 'the-token', audit: (row) => void rows.push(row), ...options });
  onTestFinished(() => it[Symbol.asyncDispose]());
  const read = (sid: string, access: string) =>
    it.port(sid, 49_983, '/files?path=x', { headers: { 'x-access-token': access } });
  const makeDir = (sid: string, access: string) =>
    it.agent({ sid, access }, '/filesystem.Filesystem/MakeDir', '{"path":"x"}');
  return { ...it, rows, read, makeDir };
}

test('a token of a sandbox ends with the key that made it, and those of other keys continue', async () => {
  const it = await opened();
  const { key, view } = await it.server.keys.create({ name: 'anna', role: 'user' });
  const { key: other } = await it.server.keys.create({ name: 'bert', role: 'user', beside: view.id });
  const { body } = await it.api('POST', '/v2/sandboxes', { templateID: 'base' }, { 'x-api-key': key });
  const again = await it.api('POST', `/v2/sandboxes/${body.sandboxID}/connect`, {}, { 'x-api-key': other });
  const both = () =>
    Promise.all([body, again.body].map(async (one) => (await it.read(body.sandboxID, one.envdAccessToken)).status));
  expect(await both()).toEqual([200, 200]);
  await it.server.keys.revoke(view.id);
  expect(await both()).toEqual([401, 200]);
});
const rotate = (it: Awaited<ReturnType<typeof opened>>, sessionId: string, key = 'the-token') =>
  it.ask('/trpc/sandbox.rotateTokens', {
    method: 'POST',
    body: JSON.stringify({ sessionId }),
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  });

test('replaced tokens open nothing, a connect gives new ones, and the change is audited', async () => {
  const it = await opened();
  const { sid, access } = await it.create();
  it.rows.splice(0);
  expect((await rotate(it, sid)).status).toBe(200);
  expect(it.rows).toEqual([
    expect.objectContaining({ action: 'sandbox.tokens', target: sid, by: 'token', outcome: 'done' }),
  ]);
  const { body } = await it.api('POST', `/v2/sandboxes/${sid}/connect`, {});
  const reads = [access, body.envdAccessToken].map(async (token) => (await it.read(sid, token)).status);
  expect(await Promise.all(reads)).toEqual([401, 200]);
});

const message = encodeEnvelope(0, { process: { cmd: 'cat' } });
test.each([
  ['download', 'GET /files?path=x', '', ''],
  ['process', 'POST /process.Process/Start', `content-type: application/connect+json\r\n`, message],
])('a stream of a %s breaks by a reset when the token that opened it is replaced', async (_, line, type, body) => {
  const endless = new Readable({ read() {} });
  endless.push('begun');
  const open = async () => ({ size: 1_000, content: endless });
  const attach = async () => ({ ended: new Promise(() => {}), detach: () => {} });
  const fakes = { paths: { ...inside.paths, open }, jobs: { ...jobs, attach } } as unknown as SandboxHandle;
  const it = await opened({ inside: { ...inside, ...fakes } });
  const { sid, access } = await it.create();
  const { port } = new URL(it.server.url);
  const reader = connect(Number(port), '127.0.0.1');
  onTestFinished(() => void reader.destroy());
  const named = `e2b-sandbox-id: ${sid}\r\ne2b-sandbox-port: 49983\r\nx-access-token: ${access}\r\n${type}`;
  reader.write(`${line} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${named}content-length: ${body.length}\r\n\r\n`);
  reader.write(body);
  await once(reader, 'data');
  const broken = once(reader, 'end').then(
    () => 'ended',
    ({ code }) => code,
  );
  reader.resume();
  await rotate(it, sid);
  expect(await broken).toBe('ECONNRESET');
});

test('changes by a token are audited as such, with the key behind it, and so is a wrong token', async () => {
  const it = await opened();
  const { key, view } = await it.server.keys.create({ name: 'anna', role: 'user' });
  const { body } = await it.api('POST', '/v2/sandboxes', { templateID: 'base' }, { 'x-api-key': key });
  const sid: string = body.sandboxID;
  it.rows.splice(0);
  await it.makeDir(sid, body.envdAccessToken);
  const who = { by: 'sandbox token', key: view.id, role: 'user', address: '127.0.0.1' };
  expect(it.rows).toEqual([expect.objectContaining({ action: 'file.write', target: sid, outcome: 'done', ...who })]);
  it.rows.splice(0);
  await it.makeDir(sid, 'wrong');
  const wrong = { action: 'sandbox.enter', target: sid, outcome: 'unauthorized', by: 'nobody' };
  expect(it.rows).toContainEqual(expect.objectContaining(wrong));
});
test('a pause that a token ends is audited as the doing of that token', async () => {
  const it = await opened();
  const { sid, access } = await it.createPaused(resumable);
  it.rows.splice(0);
  expect((await it.read(sid, access)).status).toBe(200);
  expect(it.rows.map(({ action, by }) => [action, by])).toContainEqual(['sandbox.start', 'sandbox token']);
  expect(it.rows.filter(({ by }) => by === 'token' || by === 'open')).toEqual([]);
});
test('wrong signatures without a name cost a limited number of hashes', { tags: ['all'] }, async () => {
  const clock = manualClock(60_000);
  const plain = createPeppers([new Secret('a pepper for tests')]);
  let hashes = 0;
  const hash = (text: string) => {
    hashes++;
    return plain.hash(text);
  };
  const it = await opened({ clock, peppers: { ...plain, hash } });
  for (let n = 0; n < 190; n++) await it.server.keys.create({ name: `admin${n}`, role: 'admin' });
  const all = await Promise.all(Array.from({ length: 7 }, () => it.create()));
  const [statuses, costs] = [new Set<number>(), new Set<number>()];
  for (let n = 0; n < 40; n++) {
    hashes = 0;
    clock.advance(100); // 10 per second are fewer than are admitted
    statuses.add((await it.ask('/files?path=x&signature=v1_wrong')).status);
    costs.add(hashes);
  }
  expect([...statuses, ...costs]).toEqual([401, 429, 7 * 191, 0]);
  const [{ sid, access }] = all as [(typeof all)[0]];
  expect((await it.read(sid, access)).status).toBe(200);
});
test('a pause that a stranger ends on a public port is ended without rights elsewhere, and audited as the doing of nobody', async () => {
  const it = await opened();
  const { sid } = await it.createPaused(resumable);
  it.rows.splice(0);
  await it.ask('/', { headers: { host: `3000-${sid}.sandboxes.example` } });
  const row = { action: 'sandbox.start', target: sid, by: 'nobody', role: 'nobody', outcome: 'done' };
  expect(it.rows.filter(({ by }) => by !== 'server')).toEqual([expect.objectContaining(row)]);
  const reached = { record: { id: sid } as SessionRecord, cut: new AbortController().signal };
  expect(getAnonymousPrincipal(reached, { principals: () => [] })).toMatchObject({ role: 'user', session: sid });
});
test('calls of the data plane count as requests of their caller; one too many is 429, in a call as the protocol says', async () => {
  const it = await opened({ rateLimitPerMinute: 3, clock: manualClock(60_000) });
  const { sid, access } = await it.create();
  expect([(await it.read(sid, access)).status, (await it.read(sid, access)).status]).toEqual([200, 200]);
  const over = await it.read(sid, access);
  expect([over.status, over.body.code, Number(over.headers['retry-after'])]).toEqual([429, 429, 60]);
  expect(await it.makeDir(sid, access)).toMatchObject({ status: 429, body: { code: 'resource_exhausted' } });
});
test('replies have the headers of all replies, and a file is a download even under a signed URL', async () => {
  const it = await opened();
  const { sid, access } = await it.create();
  const common = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
  const { headers } = await it.read(sid, access);
  expect(headers).toMatchObject({ ...common, 'content-disposition': expect.stringMatching(/^attachment; filename=/) });
  for (const answer of [await it.makeDir(sid, access), await it.read(sid, 'wrong')])
    expect(answer.headers).toMatchObject(common);
});

const job = { id: 'e2b-1', argv: ['cat'], cwd: '/home/user', pid: 7 };
const jobs = {
  start: async () => job,
  list: async () => [job],
  write: async () => {},
  endInput: async () => {},
  attach: async () => ({ ended: Promise.resolve({ exitCode: 0 }), detach: () => {} }),
} as unknown as SandboxHandle['jobs'];
const watches = {
  open: async () => ({ id: 'w' }),
  close: async () => {},
  follow: async () => {},
} as unknown as SandboxHandle['watches'];
const code = {
  list: () => [{ id: 'own', language: 'python' }],
  create: (context: object) => context,
  restart: async () => {},
  remove: async () => {},
  execute: async () => ({ ended: 'whole' }),
} as unknown as SandboxHandle['code'];
const selected = { process: { pid: 7 } };
const begun = { process: { cmd: 'cat' } };
const codeCalls: [string, string, object | undefined, string][] = [
  ['POST', '/contexts', { cwd: '/home/user' }, 'context.create'],
  ['POST', '/contexts/own/restart', {}, 'context.restart'],
  ['DELETE', '/contexts/own', undefined, 'context.remove'],
  ['POST', '/execute', { code: '1', context_id: 'own' }, 'sandbox.command'],
];
const agentCalls: [string, 'unary' | 'stream', object, string][] = [
  ['process.Process/Start', 'stream', begun, 'sandbox.command'],
  ['process.Process/SendInput', 'unary', { ...selected, input: { stdin: 'eA==' } }, 'process.input'],
  ['process.Process/CloseStdin', 'unary', selected, 'process.input'],
  ['filesystem.Filesystem/WatchDir', 'stream', { path: '/tmp' }, 'file.watch'],
  ['filesystem.Filesystem/CreateWatcher', 'unary', { path: '/tmp' }, 'file.watch'],
  ['filesystem.Filesystem/RemoveWatcher', 'unary', { watcherId: 'w' }, 'file.unwatch'],
];
async function calling(can: Partial<SandboxHandle>) {
  const it = await opened({ inside: { ...inside, ...can } });
  const sandbox = await it.create();
  it.rows.splice(0);
  const agent = (path: string, kind: 'unary' | 'stream', message: object) =>
    kind === 'unary'
      ? it.agent(sandbox, `/${path}`, JSON.stringify(message))
      : it.agent(sandbox, `/${path}`, encodeEnvelope(0, message), { 'content-type': 'application/connect+json' });
  const headers = { 'x-access-token': sandbox.access };
  const interpreter = (method: string, path: string, body: object | undefined) =>
    it.port(sandbox.sid, 49_999, path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const rows = () => it.rows.map(({ action, outcome, by }) => [action, outcome, by]);
  return { agent, interpreter, rows };
}

test.each(agentCalls)('%s by a token is audited once, with its outcome', async (path, kind, message, action) => {
  const able = await calling({ jobs, watches });
  await able.agent(path, kind, message);
  expect(able.rows()).toEqual([[action, 'done', 'sandbox token']]);
  const unable = await calling({});
  await unable.agent(path, kind, message);
  await unable.agent(path, kind, { path: 1, process: 2, watcherId: 3 });
  expect(unable.rows()).toEqual([
    [action, 'unsupported', 'sandbox token'],
    [action, 'invalid_argument', 'sandbox token'],
  ]);
});

test.each(codeCalls)('%s %s of the code interpreter is audited once', async (method, path, body, action) => {
  const able = await calling({ code });
  await able.interpreter(method, path, body);
  expect(able.rows()).toEqual([[action, 'done', 'sandbox token']]);
});

test('code that is refused is audited with the reason', async () => {
  const it = await calling({ code });
  await it.interpreter('POST', '/execute', { code: '1', context_id: 'none' });
  await it.interpreter('POST', '/execute', { code: '1', language: 'cobol' });
  expect(it.rows()).toEqual([
    ['sandbox.command', 'not_found', 'sandbox token'],
    ['sandbox.command', 'invalid_request', 'sandbox token'],
  ]);
});
