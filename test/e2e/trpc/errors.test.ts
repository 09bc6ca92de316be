import { expect, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { appRouter } from '../../../src/facades/trpc/router.ts';
import { followEvents, type TrpcServer, trpcServer } from '../../support/clients/trpc.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

type Input = Record<string, unknown>;
const file = { path: 'a.txt' };
const search = { pattern: 'a' };
const bound = { name: 'api', hosts: ['api.example.org'], value: 'a-value-of-the-test' };
const note = { of: 'person', path: 'build.md' };
const skill = { id: 'skill_0123456789abcdef01234567' };
const skillFiles = [{ path: 'SKILL.md', content: 'LS0t' }];
const automation = { id: '0123456789ab' }; // or a webhook
const inRepository = { path: 'project' };
const terminal = { terminalId: 'shell_00000000' };
/** An input of each procedure that is valid except for its id. */
const samples: Record<string, { id?: 'id' | 'sessionId' | 'projectId'; project?: true; input?: Input }> = {
  'sessions.create': { id: 'projectId', project: true },
  'sessions.list': { id: 'projectId', project: true },
  'sessions.get': { id: 'id' },
  'sessions.promptAt': { id: 'id' },
  'sessions.agent': { id: 'id' },
  'sessions.cost': { id: 'id' },
  'sessions.update': { id: 'id', input: { title: 'New' } },
  'sessions.delete': { id: 'id' },
  'sessions.deleteMany': { input: { ids: ['f'.repeat(16)] } },
  'sessions.fork': { id: 'id' },
  'sessions.edit': { id: 'id', input: { seq: 1, text: 'Say hello' } },
  'repositories.list': { id: 'sessionId' },
  'repositories.fetch': { id: 'sessionId', input: inRepository },
  'repositories.status': { id: 'sessionId', input: inRepository },
  'repositories.diff': { id: 'sessionId', input: inRepository },
  'repositories.patch': { id: 'sessionId', input: inRepository },
  'repositories.commit': { id: 'sessionId', input: { ...inRepository, message: 'One' } },
  'repositories.push': { id: 'sessionId', input: inRepository },
  'repositories.check': { id: 'sessionId', input: inRepository },
  'pullRequests.open': { id: 'sessionId', input: { ...inRepository, title: 'One' } },
  'pullRequests.state': { id: 'sessionId', input: inRepository },
  'pullRequests.sendFeedback': { id: 'sessionId', input: inRepository },
  'checkpoints.list': { id: 'sessionId' },
  'checkpoints.diff': { id: 'sessionId', input: { from: 1 } },
  'checkpoints.restore': { id: 'sessionId', input: { number: 1 } },
  'attempts.start': { id: 'sessionId', input: { task: 'Change it', attempts: 2 } },
  'attempts.list': { id: 'sessionId' },
  'attempts.get': { id: 'sessionId', input: { id: '0123456789ab' } },
  'attempts.diff': { id: 'sessionId', input: { id: '0123456789ab', n: 1 } },
  'attempts.choose': { id: 'sessionId', input: { id: '0123456789ab', n: 1 } },
  'attempts.stop': { id: 'sessionId', input: { id: '0123456789ab' } },
  'shares.create': { id: 'sessionId' },
  'shares.list': { id: 'sessionId' },
  'shares.revoke': { id: 'sessionId', input: { id: '0123456789ab' } },
  'ports.list': { id: 'sessionId' },
  'ports.open': { id: 'sessionId', input: { of: 3000 } },
  'ports.opened': { id: 'sessionId' },
  'ports.close': { id: 'sessionId', input: { id: '0123456789ab' } },
  'egress.inForce': { id: 'sessionId' },
  'egress.allow': { id: 'sessionId', input: { host: 'example.org' } },
  'egress.narrow': { id: 'sessionId', input: { hosts: null } },
  'egress.withdraw': { id: 'sessionId', input: { host: 'example.org' } },
  'sessionCredentials.list': { id: 'sessionId' },
  'sessionCredentials.put': { id: 'sessionId', input: bound },
  'sessionCredentials.revoke': { id: 'sessionId', input: { name: 'api' } },
  'projectCredentials.list': { id: 'projectId', project: true },
  'projectCredentials.put': { id: 'projectId', project: true, input: bound },
  'projectCredentials.revoke': { id: 'projectId', project: true, input: { name: 'api' } },
  'sessions.watch': {},
  'events.list': { id: 'sessionId' },
  'events.subscribe': { id: 'sessionId' },
  'runs.send': { id: 'sessionId', input: { text: 'Say hi', clientMessageId: 'm-1' } },
  'runs.stop': { id: 'sessionId' },
  'runs.approve': { id: 'sessionId', input: { callId: 'c' } },
  'runs.reject': { id: 'sessionId', input: { callId: 'c' } },
  'desktop.status': { id: 'sessionId' },
  'desktop.start': { id: 'sessionId' },
  'desktop.add': { id: 'sessionId' },
  'desktop.stop': { id: 'sessionId' },
  'desktop.takeControl': { id: 'sessionId', input: { viewer: 'v' } },
  'desktop.giveControl': { id: 'sessionId', input: { viewer: 'v' } },
  'desktop.signedUrl': { id: 'sessionId' },
  'sandbox.status': { id: 'sessionId' },
  'sandbox.services': { id: 'sessionId' },
  'sandbox.usage': { id: 'sessionId' },
  'sandbox.start': { id: 'sessionId' },
  'sandbox.stop': { id: 'sessionId' },
  'sandbox.pause': { id: 'sessionId' },
  'sandbox.resume': { id: 'sessionId' },
  'sandbox.fork': { input: { sessionId: 'fedcba9876543210' } },
  'sandbox.reset': { id: 'sessionId' },
  'sandbox.rotateTokens': { id: 'sessionId' },
  'sandbox.exec': { id: 'sessionId', input: { command: 'true' } },
  'files.before': { id: 'sessionId', input: file },
  'files.changes': { id: 'sessionId' },
  'files.list': { id: 'sessionId' },
  'files.read': { id: 'sessionId', input: file },
  'files.write': { id: 'sessionId', input: { ...file, content: 'a' } },
  'files.delete': { id: 'sessionId', input: file },
  'files.find': { id: 'sessionId', input: search },
  'files.grep': { id: 'sessionId', input: search },
  'processes.list': { id: 'sessionId' },
  'processes.stop': { id: 'sessionId', input: { pid: 1 } },
  'processes.logs': { id: 'sessionId', input: { pid: 1 } },
  'terminals.open': { id: 'sessionId' },
  'terminals.list': { id: 'sessionId' },
  'terminals.typeIntoShell': { id: 'sessionId', input: { shellId: 'main', text: 'a' } },
  'terminals.write': { input: { ...terminal, text: 'a' } },
  'terminals.resize': { input: { ...terminal, cols: 80, rows: 24 } },
  'terminals.close': { input: terminal },
  'projects.list': {},
  'projects.create': { input: { name: 'One' } },
  'projects.get': { id: 'id', project: true },
  'projects.update': { id: 'id', project: true, input: { name: 'New' } },
  'projects.agent': { id: 'id', project: true },
  'projects.updateAgent': { id: 'id', project: true, input: { prompt: 'Be brief.' } },
  'projects.delete': { id: 'id', project: true },
  'automations.list': {},
  'automations.create': { input: { name: 'Report', message: 'Say hi' } },
  'automations.get': { input: automation },
  'automations.update': { input: { ...automation, name: 'New' } },
  'automations.delete': { input: automation },
  'automations.pause': { input: automation },
  'automations.resume': { input: automation },
  'automations.start': { input: automation },
  'automations.rotateSecret': { input: automation },
  'automations.starts': { input: automation },
  'automations.times': { input: { cron: '0 9 * * *' } },
  'sessions.skills': { id: 'id' },
  'memory.list': {},
  'memory.notes': { input: { of: 'person' } },
  'memory.read': { input: note },
  'memory.write': { input: { ...note, text: 'Run make.' } },
  'memory.delete': { input: note },
  'memory.history': { input: note },
  'memory.undo': { input: note },
  'memory.redact': { input: { ...note, version: 'all' } },
  'skills.list': {},
  'skills.check': { input: { files: [] } },
  'skills.create': { input: { files: skillFiles } },
  'skills.get': { input: skill },
  'skills.addVersion': { input: { ...skill, files: skillFiles } },
  'skills.version': { input: { ...skill, version: 'latest' } },
  'skills.read': { input: { ...skill, version: 'latest', file: 'SKILL.md' } },
  'skills.delete': { input: skill },
  'skills.deleteVersion': { input: { ...skill, version: '1' } },
  'webhooks.list': {},
  'webhooks.create': { input: { name: 'Hook', url: 'https://hooks.example.com/' } },
  'webhooks.get': { input: automation },
  'webhooks.update': { input: { ...automation, name: 'New' } },
  'webhooks.delete': { input: automation },
  'webhooks.pause': { input: automation },
  'webhooks.resume': { input: automation },
  'webhooks.rotate': { input: automation },
  'webhooks.test': { input: automation },
  'webhooks.deliveries': { input: automation },
  'webhooks.resend': { input: { ...automation, delivery: 'msg_0123456789abcdef01234567' } },
  'sessions.named': { input: { name: 'build-cache' } },
  'sessions.byName': { input: { name: 'build-cache' } },
  'snapshots.list': {},
  // Drivers without copies of files, as the one of this test, refuse both before they look for the session.
  'snapshots.create': { input: { sessionId: 'fedcba9876543210' } },
  'snapshots.get': { input: { id: 'snap-0123456789abcdef' } },
  'snapshots.update': { input: { id: 'snap-0123456789abcdef', name: 'one' } },
  'snapshots.delete': { input: { id: 'snap-0123456789abcdef' } },
  'serverCredentials.list': {},
  'serverCredentials.put': { input: { name: 'X_TOKEN', value: 'v', hosts: ['api.example.com'] } },
  'serverCredentials.revoke': { input: { name: 'X_TOKEN' } },
  'toolServers.list': {},
  'toolServers.put': { input: { name: 'tools', url: 'ftp://tools.example' } },
  'toolServers.change': { input: { name: 'tools', tools: ['find'] } },
  'toolServers.test': { input: { name: 'tools' } },
  'toolServers.remove': { input: { name: 'tools' } },
  'toolServers.beginSignIn': { input: { name: 'tools', returnTo: 'https://corral.example/' } },
  'toolServers.endSignIn': { input: { name: 'tools', state: 's', code: 'c' } },
  'toolServers.signOut': { input: { name: 'tools' } },
  'usage.report': {},
  'budgets.list': {},
  'budgets.get': { input: { of: 'person', id: '' } },
  'budgets.change': { input: { of: 'person', id: '', costPerDay: 1 } },
  'settings.list': {},
  'settings.change': { input: { key: 'max-steps', value: 1 } },
  'settings.reset': { input: { key: 'max-steps' } },
  'models.inForce': {},
  'models.offered': {},
  'models.test': { input: { provider: 'nobody', key: 'k' } },
  'models.use': { input: { provider: 'nobody', key: 'k', model: 'one' } },
  'models.forget': { input: { provider: 'nobody' } },
  'templates.list': {},
  'keys.create': { input: { name: 'one', role: 'user' } },
  'keys.list': {},
  'keys.revoke': { input: { id: 'k' } },
  'system.info': {},
  'system.tools': {},
  'system.health': {},
};
const names = Object.keys(samples);
type Kind = 'query' | 'mutation' | 'subscription';
const kindOf = (name: string): Kind =>
  (appRouter._def.procedures as unknown as Record<string, { _def: { type: Kind } }>)[name]?._def.type as Kind;

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly error: any;
  readonly text: string;
}

/**
 * Sends a call as a client does, but with any input. For a subscription, returns the first event after the greeting.
 */
async function call(server: TrpcServer, name: string, input: unknown): Promise<Answer> {
  const json = JSON.stringify(input);
  const kind = kindOf(name);
  const url = `${server.url}/trpc/${name}`;
  if (kind === 'subscription') return await firstOf(`${url}?input=${encodeURIComponent(json ?? '{}')}`);
  const response =
    kind === 'mutation'
      ? await fetch(url, { method: 'POST', ...(json !== undefined && { body: json }) })
      : await fetch(json === undefined ? url : `${url}?input=${encodeURIComponent(json)}`);
  const text = await response.text();
  return { status: response.status, error: JSON.parse(text).error, text };
}

async function firstOf(url: string): Promise<Answer> {
  const hangUp = new AbortController();
  const response = await fetch(url, { signal: hangUp.signal });
  let text = '';
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (/event: serialized-error\ndata: .*\n/.test(text)) break;
    if (/\ndata: \{"(type|seq)/.test(text)) break;
  }
  hangUp.abort();
  const failed = /event: serialized-error\ndata: (.*)\n/.exec(text)?.[1];
  const error = failed === undefined ? undefined : JSON.parse(failed);
  return { status: error?.data.httpStatus ?? response.status, error, text };
}

const uuid = '00000000-0000-4000-8000-000000000000';
const oddIds = (taken: string) => [
  'fedcba9876543210',
  uuid,
  taken.toUpperCase().replace(/^\d+$/, 'A'),
  `${taken} `,
  `${taken}/..`,
  '..',
  '.',
  '',
  'x'.repeat(128),
  '__proto__',
  'constructor',
  '../../etc/passwd',
  'a\0b',
  '😀',
];

test('the table above names every procedure', () => {
  expect(names.sort()).toEqual(Object.keys(appRouter._def.procedures).sort());
});

test.each(names.filter((name) => samples[name]?.id))(
  'F105 %s answers 404 to any id that names nothing',
  async (name) => {
    await using server = await trpcServer();
    const client = server.client();
    const { id: taken } = await client.sessions.create.mutate();
    const { id: deleted } = await client.sessions.create.mutate();
    await client.sessions.delete.mutate({ id: deleted });
    const { id: field = 'id', input = {} } = samples[name] ?? {};
    for (const id of [...oddIds(taken).filter((id) => id !== taken), deleted]) {
      const { status, error, text } = await call(server, name, { ...input, [field]: id });
      expect([status, error?.data.code], JSON.stringify(id)).toEqual([404, 'NOT_FOUND']);
      expect(text).not.toMatch(/\bat .*:\d+:\d+|node_modules/);
    }
    expect((await client.sessions.list.query()).items.map(({ id }) => id)).toEqual([taken]);
  },
);

const junk: unknown[] = [
  null,
  1,
  'text',
  [],
  [{}],
  true,
  {},
  { id: 1, sessionId: {}, projectId: [] },
  { id: null, sessionId: null },
  JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
];

test.each(names)('%s answers junk without a 5xx, and refuses unknown input', async (name) => {
  await using server = await trpcServer();
  const { id } = await server.client().sessions.create.mutate();
  const { id: field, project, input = {} } = samples[name] ?? {};
  const own = project ? (await server.client().projects.create.mutate({ name: 'One' })).id : id;
  const known = { ...input, ...(field && { [field]: own }) };
  const noInput = [
    'budgets.list',
    'automations.list',
    'webhooks.list',
    'skills.list',
    'memory.list',
    'settings.list',
    'models.inForce',
    'models.offered',
  ];
  const takesNothing = [...noInput, 'system.info', 'sessions.watch'].includes(name);
  for (const given of [...junk, ...(field ? [{ ...known, [field]: 7 }] : [])]) {
    if (takesNothing) continue;
    const { status } = await call(server, name, given);
    expect([200, 400], JSON.stringify(given)).toContain(status);
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  if (takesNothing) return;
  const { status, error } = await call(server, name, { ...known, surprise: true });
  expect([status, error?.data.code, error?.data.reason]).toEqual([400, 'BAD_REQUEST', 'invalid_request']);
  expect(error.message).toContain('surprise');
  expect(server.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test.each<[string, Input]>([
  ['runs.send', { text: '' }],
  ['runs.send', { text: ' \n\t ' }],
  ['runs.send', { text: 'x'.repeat(200_001) }],
  ['runs.send', { text: 'a', mode: 'shout' }],
  ['runs.send', { text: 'a', clientMessageId: '' }],
  ['sandbox.exec', { command: 'a\0b' }],
  ['sandbox.exec', { command: 'true', timeoutMs: 0 }],
  ['files.read', { path: 'a\0b' }],
  ['files.read', { path: '../../etc/passwd' }],
  ['files.write', { path: '/etc/passwd', content: '' }],
  ['events.list', { limit: 1_001 }],
  ['events.list', { afterSeq: -1 }],
  ['processes.logs', { pid: 1, lines: 0 }],
])('%s refuses %j', async (name, input) => {
  await using server = await trpcServer();
  const { id: sessionId } = await server.client().sessions.create.mutate();
  expect(await call(server, name, { sessionId, ...input })).toMatchObject({
    status: 400,
    error: { code: -32600, data: { code: 'BAD_REQUEST', httpStatus: 400 } },
  });
});

test.each(['limit', 'cursor', 'status'])('sessions.list refuses a bad %s', async (field) => {
  await using server = await trpcServer();
  const bad = { limit: 501, cursor: 'first', status: 'asleep' }[field];
  expect((await call(server, 'sessions.list', { [field]: bad })).status).toBe(400);
});

test.each([
  'nothing',
  'sessions',
  'sessions.nothing',
  'sessions.get.query',
  '__proto__',
  'constructor',
  'sessions.__proto__',
  'sessions.constructor.name',
  'toString',
  '_def',
  '..',
  'a,b',
])('the unknown procedure %s is 404', async (name) => {
  await using server = await trpcServer();
  for (const init of [{}, { method: 'POST', body: '{}' }]) {
    const response = await fetch(`${server.url}/trpc/${name === '..' ? '%2e%2e%2f' : name}`, init);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { data: { code: 'NOT_FOUND' } } });
  }
});

test('the wrong method is 405, with the right one', async () => {
  await using server = await trpcServer();
  const posted = await server.call('POST', '/trpc/system.info', {});
  expect([posted.status, posted.headers.get('allow'), posted.body.error.data.code]).toEqual([
    405,
    'GET',
    'METHOD_NOT_SUPPORTED',
  ]);
  const got = await server.call('GET', '/trpc/sessions.create');
  expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
  const put = await server.call('PUT', '/trpc/sessions.create', {});
  expect([put.status, put.headers.get('allow'), put.body.error.data.code]).toEqual([
    405,
    'GET, POST',
    'METHOD_NOT_SUPPORTED',
  ]);
});

test('a malformed tRPC request is refused with a tRPC error', async () => {
  await using server = await trpcServer({ config: { maxBodyBytes: 1_000 } });
  const post = (body: string) => server.call('POST', '/trpc/sessions.create', body);
  const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
  expect((await post(deep)).body.error.message).toContain('deeper than 64');
  for (const body of ['{', 'nonsense', deep, `[${'1,'.repeat(60)}`]) {
    expect(await post(body), body).toMatchObject({
      status: 400,
      body: { error: { data: { code: expect.any(String) } } },
    });
  }
  expect(await post(`"${'x'.repeat(1_000)}"`)).toMatchObject({
    status: 413,
    body: { error: { data: { code: 'PAYLOAD_TOO_LARGE', httpStatus: 413 } } },
  });
  expect(await server.call('GET', '/trpc/sessions.list?input=%7B')).toMatchObject({
    status: 400,
    body: { error: { message: 'The request could not be read.', data: { code: 'BAD_REQUEST' } } },
  });
  const many = Array(501).fill('system.info').join(',');
  expect(await server.call('GET', `/trpc/${many}?batch=1`)).toMatchObject({ status: 400 });
  expect((await server.call('GET', '/trpc')).status).toBe(426);
  expect(await server.client().system.info.query()).toMatchObject({ name: 'corral' });
});

test('a subscription refused by the rate limit starts when the minute ends', async () => {
  const clock = manualClock(1_700_000_040_000);
  await using server = await trpcServer({ clock, config: { rateLimitPerMinute: 1 } });
  const client = server.client('sse');
  const { id: sessionId } = await client.sessions.create.mutate();
  const following = followEvents(client, { sessionId });
  await expect.poll(() => server.requests.map(({ status }) => status)).toContain(429);
  clock.advance(60_000);
  expect(await Promise.race([following.started.then(() => 'started'), following.ended])).toBe('started');
});

test('a bug is logged with all details, the answer has none, and no stack leaves the server', async () => {
  await using server = await trpcServer();
  server.fake.instead.create = () => Promise.reject(new Error('password=hunter2'));
  const { status, text, error } = await call(server, 'sessions.create', {});
  expect([status, error]).toEqual([
    500,
    {
      message: 'Internal server error',
      code: -32603,
      data: {
        code: 'INTERNAL_SERVER_ERROR',
        httpStatus: 500,
        path: 'sessions.create',
        reason: 'internal',
        retryable: false,
      },
    },
  ]);
  expect(text).not.toMatch(/hunter2|stack/);
  const logged = server.lines.find(({ text }) => text === 'procedure failed');
  expect(String(logged?.fields.err)).toContain('hunter2');
  server.fake.instead.list = async () => [{ id: 7, latestMessageAt: 0, createdAt: 0, updatedAt: 0 } as never];
  expect(await call(server, 'sessions.list', undefined)).toMatchObject({
    status: 500,
    error: { message: 'Internal server error' },
  });
});

test('a subscription that fails later sends only its error code', async () => {
  await using server = await trpcServer();
  const client = server.client('ws');
  const { id: sessionId } = await client.sessions.create.mutate();
  // biome-ignore lint/correctness/useYield: it fails before it has anything
  server.fake.instead.follow = async function* () {
    throw new Error('password=hunter2');
  };
  const failed = Promise.withResolvers<unknown>();
  client.events.subscribe.subscribe({ sessionId }, { onError: failed.resolve });
  const error = await failed.promise;
  expect(error).toMatchObject({ message: 'Internal server error', data: { reason: 'internal' } });
  expect(JSON.stringify(error)).not.toMatch(/hunter2/);
});

test('without the right token every call is refused, and with it every call is answered', async () => {
  await using server = await trpcServer({ config: { token: new Secret('right') } });
  for (const token of [undefined, 'wrong']) {
    await expect(server.client('sse', token).sessions.list.query()).rejects.toMatchObject({
      data: { code: 'UNAUTHORIZED', httpStatus: 401 },
    });
  }
  expect((await server.client('sse', 'right').sessions.list.query()).items).toEqual([]);
  expect((await server.call('GET', '/trpc/system.info?token=right')).status).toBe(200);
  const parameters = encodeURIComponent('{"token":"right"}');
  expect((await server.call('GET', `/trpc/system.info?connectionParams=${parameters}`)).status).toBe(200);
  expect((await server.call('GET', `/api/v1/sessions?connectionParams=${parameters}`)).status).toBe(401);
  const logged = JSON.stringify(server.lines);
  expect(logged).toContain('connectionParams=***');
  expect(logged).not.toMatch(/right/);
});

test('F130 a page of an unlisted origin cannot read, change or subscribe; a listed one can read', async () => {
  await using server = await trpcServer();
  const ask = (method: string, origin: string) =>
    fetch(`${server.url}/trpc/${method === 'GET' ? 'sessions.list' : 'sessions.create'}`, {
      method,
      headers: { origin },
    });
  for (const method of ['GET', 'POST']) {
    const refused = await ask(method, 'https://evil.example');
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    expect(await refused.json()).toMatchObject({ error: { data: { code: 'FORBIDDEN' } } });
    const allowed = await ask(method, 'http://localhost:3000');
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([
      method === 'GET' ? 200 : 403,
      'http://localhost:3000',
    ]);
    expect(allowed.headers.get('vary')).toContain('Origin');
  }
  expect((await server.client().sessions.list.query()).items).toEqual([]);
});

test('a call over the rate limit is 429, with the time to wait', async () => {
  const clock = manualClock(1_700_000_040_000);
  await using server = await trpcServer({ clock, config: { rateLimitPerMinute: 1 } });
  await server.client().system.info.query();
  const over = await server.call('GET', '/trpc/system.info');
  expect([over.status, over.headers.get('retry-after')]).toEqual([429, '60']);
  await expect(server.client().system.info.query()).rejects.toMatchObject({
    data: { code: 'TOO_MANY_REQUESTS', retryable: true },
  });
});
