import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import WebSocket from 'ws';
import type { SessionLife } from '../../../src/core/records.ts';
import { Secret } from '../../../src/core/secret.ts';
import { appRouter } from '../../../src/facades/trpc/router.ts';
import { Frame } from '../../../src/facades/workspace/frames.ts';
import { type ComposedServer, composedServer } from '../../support/composed.ts';
import {
  type Caller,
  callers,
  e2bRules,
  expected,
  mcpRules,
  type Outcome,
  procedureRules,
  type Rule,
  routeRules,
} from './caller-rules.ts';

// Calls each registered route, procedure and socket as each kind of caller, and compares the outcome with a table. A
// route that the table lacks fails the test, so no new route is open by oversight.

interface Targets {
  readonly sid: string;
  readonly project: string;
  readonly file: string;
  readonly terminal: string;
  readonly action: string;
  readonly block: string;
}
const nobodys: Targets = {
  sid: 'fedcba9876543210',
  project: '00000000-0000-4000-8000-00000000aaaa',
  file: '00000000-0000-4000-8000-00000000bbbb',
  terminal: 'shell_ffffffff',
  action: '00000000-0000-4000-8000-00000000cccc',
  block: '00000000-0000-4000-8000-00000000dddd',
};
interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly isSocket: boolean;
  readonly example: unknown;
}
/** The answer: its status or the socket's close code, and its text. */
interface Said {
  readonly code: number;
  readonly text: string;
}

let server: ComposedServer;
let routes: Route[];
let shared: Targets;
let ownerId: string;
let spareKey: string;
const keys = {} as Record<Caller, string | undefined>;
const token = 'the-token-of-the-caller-matrix';

async function begin(): Promise<void> {
  server = await composedServer({
    CORRAL_TOKEN: token,
    CORRAL_E2B_FACADE: 'on',
    CORRAL_MAX_SESSIONS: '10000',
    CORRAL_MAX_SESSIONS_PER_OWNER: '0',
  });
  const { core, url } = server;
  const make = async (caller: Caller, wish: Omit<Parameters<typeof core.keys.create>[0], 'name'>) => {
    const { key, view } = await core.keys.create({ name: caller, ...wish });
    keys[caller] = key;
    return view.id;
  };
  ownerId = await make('user-owner', { role: 'user' });
  await make('viewer', { role: 'viewer', beside: ownerId });
  await make('user-other', { role: 'user' });
  await make('operator', { role: 'operator' });
  await make('admin', { role: 'admin' });
  await make('expired', { role: 'admin', expiresAt: Date.now() + 1_000 });
  await core.keys.revoke(await make('revoked', { role: 'admin' }));
  spareKey = (await core.keys.create({ name: 'spare', role: 'viewer' })).view.id;
  keys.sandbox = 'A'.repeat(43); // what a daemon knows; its server would know it on that sandbox's own socket alone
  const expired = async () => (await core.keys.list()).filter(({ state }) => state === 'expired');
  const patience = { timeout: 20_000 };
  await vi.waitFor(async () => expect(await expired()).toHaveLength(1), patience); // `poll` is for tests alone

  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<
      string,
      Record<string, { 'x-websocket'?: boolean; requestBody?: { content: Record<string, { example?: unknown }> } }>
    >;
  };
  routes = Object.entries({ ...paths, '/': paths['/'] ?? { get: {} } }).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, doc]) => ({
      ...{ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path },
      isSocket: doc['x-websocket'] === true,
      example: Object.values(doc.requestBody?.content ?? {})[0]?.example,
    })),
  );
  shared = await targets();
}
beforeAll(begin, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

/** A session of the owner with everything that a session can have. */
async function targets(): Promise<Targets> {
  const { services, opencodex } = server.core;
  const { signal } = new AbortController();
  const project = await services.projects.create({ name: 'One', owner: ownerId });
  const session = await services.sessions.create({ origin: 'trpc', owner: ownerId, projectId: project.id });
  const content = (async function* () {
    yield Buffer.from('hello');
  })();
  const wish = { projectId: null, name: 'a.txt', type: 'input', mimeType: 'text/plain', owner: ownerId } as const;
  const [file] = await opencodex.uploads.keep([await opencodex.uploads.stage({ ...wish, content }, signal)]);
  const terminal = await services.terminals.open(session.id, signal).then(
    ({ id }) => id,
    () => 'shell_00000000',
  );
  await services.files.write(session.id, 'report.md', 'hello', signal).catch(() => {});
  await services.sessions.send(session.id, { text: 'Say hi\n```sh\necho hi\n```', mode: 'inject' });
  const status = async () => (await services.sessions.get(session.id)).status;
  await vi.waitFor(async () => expect(await status()).toBe('completed'), { timeout: 20_000 });
  const chat = async (what: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${server.url}/api/v1/chats/${session.id}/${what}`, { headers });
    return Object.values((await response.json()) as Record<string, { id: string }[]>)[0]?.[0]?.id ?? 'none';
  };
  const ids = { action: await chat('agent-actions'), block: await chat('blocks') };
  return { sid: session.id, project: project.id, file: file?.id ?? '', terminal, ...ids };
}

const aLife: SessionLife = {
  ...{ endsAt: null, seconds: 60, onEnd: 'delete', paused: null, resumes: false },
  ...{ labels: {}, env: {}, kind: 'base', privatePorts: false },
};

/** New targets for a call that changes or ends them; creates only the ones that the route names. */
async function fresh(path: string): Promise<Targets> {
  const { services, opencodex } = server.core;
  const made = { ...shared };
  if (path.includes('project_id'))
    Object.assign(made, { project: (await services.projects.create({ name: 'Two', owner: ownerId })).id });
  if (path.includes('sid}') || path === 'sid') {
    const life = path.startsWith('/e2b/') && { life: aLife };
    Object.assign(made, { sid: (await services.sessions.create({ origin: 'trpc', owner: ownerId, ...life })).id });
  }
  if (path.includes('/files/{id}')) {
    const content = (async function* () {
      yield Buffer.from('hello');
    })();
    const wish = { projectId: null, name: 'b.txt', type: 'input', mimeType: null, owner: ownerId } as const;
    const [file] = await opencodex.uploads.keep([
      await opencodex.uploads.stage({ ...wish, content }, new AbortController().signal),
    ]);
    Object.assign(made, { file: file?.id });
  }
  if (path.includes('shell_id')) {
    const { id } = await services.sessions.create({ origin: 'trpc', owner: ownerId });
    const { id: terminal } = await services.terminals.open(id, new AbortController().signal);
    Object.assign(made, { terminal });
  }
  return made;
}

function filled(path: string, to: Targets): string {
  const query: Record<string, string> = {
    '/api/sessions/{sid}/files/content': '?path=report.md',
    '/api/v1/chats/{sid}/workspace/files/content': '?path=/workspace/report.md',
    '/api/v1/chats/{sid}/workspace/files/download': '?path=/workspace/report.md',
    '/api/v1/chats/{sid}/stream': '?after_seq=0',
    '/api/v1/chats/{sid}/workspace/download-all': '?type=output',
    '/ws/{sid}': '?after_seq=0',
    '/api/v1/sessions/{sid}/events': '?last_event_id=0',
    '/streams/sessions/{sid}/file': '?path=report.md',
    '/ws': '?user_id=someone',
    '/api/v1/chats': `?project_id=${to.project}`,
  };
  const id = path.includes('/files/') ? to.file : path.includes('/blocks/') ? to.block : to.action;
  const values: Record<string, string> = {
    ...{
      sid: to.sid,
      project_id: to.project,
      shell_id: to.terminal,
      id,
      pid: '1',
      link: '0123456789ab',
      name: 'app.js',
    },
    ...{ provider: 'gemini', template_id: 'default', credential: 'api' },
  };
  return path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => values[name] ?? '') + (query[path] ?? '');
}

const credentials = (caller: Caller): Record<string, string> =>
  keys[caller] === undefined ? {} : { authorization: `Bearer ${keys[caller]}` };

/** Removes ids and times, which differ between two otherwise equal answers. */
function plain(text: string, ...all: Targets[]): string {
  const ids = all.flatMap((to) => Object.values(to) as string[]).filter((id) => id !== '');
  return ids.reduce((said, id) => said.replaceAll(id, '#'), text).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'now');
}

async function request({ method, path, example }: Route, caller: Caller, to: Targets): Promise<Said> {
  const init: { method: string; headers: Record<string, string>; body?: string | FormData } = {
    method,
    headers: credentials(caller),
  };
  if (method === 'POST' && (path === '/api/v1/files' || path.includes('/files/upload/'))) {
    init.body = new FormData();
    init.body.append('file', new Blob(['hello']), 'c.txt');
  } else if (method !== 'GET' && method !== 'DELETE') {
    init.body = JSON.stringify(example ?? (path.endsWith('/exec') ? { command: 'true' } : {})).replace(
      '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10',
      to.project,
    );
  }
  // Other callers delete it too, at the same time.
  if (method === 'DELETE' && path.includes('/api-keys/'))
    await server.core.opencodex.keys.put('gemini', new Secret('k'));
  const response = await fetch(server.url + filled(path, to), { ...init, signal: AbortSignal.timeout(10_000) });
  return { code: response.status, text: await begun(response) };
}

/** The beginning of a stream is enough: its first event, or the reason why there is none. */
async function begun(response: Response): Promise<string> {
  const type = response.headers.get('content-type') ?? '';
  if (type.includes('octet-stream')) return String((await response.body?.getReader().read())?.value);
  if (!type.includes('event-stream')) return await response.text();
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (/^data: \{.+/m.test(text)) break;
  }
  return text;
}

function connect({ path }: Route, caller: Caller, to: Targets): Promise<Said> {
  const { promise, resolve } = Promise.withResolvers<Said>();
  const socket = new WebSocket(server.url.replace('http', 'ws') + filled(path, to), { headers: credentials(caller) });
  socket.on('unexpected-response', (_, { statusCode }) => resolve({ code: statusCode ?? 0, text: '' }));
  socket.on('message', (data) => resolve({ code: 101, text: String(data) }));
  socket.on('close', (code, reason) => resolve({ code, text: String(reason) }));
  socket.on('error', () => {});
  return promise.finally(() => socket.terminate());
}

interface Compared {
  readonly said: Said;
  /** The answer to the same request about an id that does not exist. */
  readonly ofNobodys: Said;
  readonly ids: readonly Targets[];
}
const isNone = ({ code, text }: Said) => [404, 1008].includes(code) || /not found|no such/i.test(text);

function outcome(caller: Caller, rule: Rule, { said, ofNobodys, ids }: Compared): Outcome {
  if (said.code === 401 || said.text.includes('"httpStatus":401')) return 401;
  if (said.code === 403 || said.text.includes('may not do this')) return 403;
  if (rule === 'open') return 'through';
  // Operators can see that a session exists, but its content is unknown to them; the text of that answer can differ.
  if (caller === 'operator' && /no such (session|project|file|terminal)/i.test(said.text)) return 'unknown';
  const same = said.code === ofNobodys.code && plain(said.text, ...ids) === plain(ofNobodys.text, ...ids);
  return same && isNone(said) ? 'unknown' : 'through';
}

async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 12 }, worker));
}

const changes = new Set<Rule>(['work', 'stop', 'create']);
type Ask = (caller: Caller, to: Targets) => Promise<Said>;
async function mistakes(asked: readonly { name: string; rule: Rule; path: string; ask: Ask }[]): Promise<string[]> {
  const wrong: string[] = [];
  const cases = asked.flatMap((one) => callers.map((caller) => ({ ...one, caller })));
  await inTurns(cases, async ({ name, rule, path, ask, caller }) => {
    const want = expected(rule, caller);
    const to = want === 'through' && changes.has(rule) ? await fresh(path) : shared;
    const ofNobodys = await ask(caller, nobodys).catch((error: unknown) => ({ code: 599, text: String(error) }));
    const said = await ask(caller, to).catch((error: unknown) => ({ code: 599, text: String(error) }));
    const got = outcome(caller, rule, { said, ofNobodys, ids: [to, nobodys] });
    if (got !== want)
      wrong.push(`${name} for ${caller}: ${got}, not ${want} (${said.code} ${said.text.slice(0, 200)})`);
    if (said.code >= 500 && said.code < 600 && ![501, 503].includes(said.code)) wrong.push(`${name}: ${said.code}`);
  });
  return wrong.sort();
}

test('the table of rules names every route, and no other', () => {
  expect(Object.keys(routeRules).sort()).toEqual(routes.map(({ name }) => name).sort());
});

test('every route and socket answers each caller as its rule says', { timeout: 120_000 }, async () => {
  const asked = routes.map((route) => ({
    ...{ name: route.name, path: route.path, rule: routeRules[route.name] ?? 'admin' },
    ask: ((caller, to) => (route.isSocket ? connect(route, caller, to) : request(route, caller, to))) satisfies Ask,
  }));
  expect(await mistakes(asked)).toEqual([]);
});

test("every route of E2B's control plane answers each caller as its rule says", { timeout: 120_000 }, async () => {
  const asked = Object.entries(e2bRules).map(([name, rule]) => {
    const [method = '', path = ''] = name.split(' ');
    const isCreate = path.endsWith('sandboxes');
    const example = isCreate ? { templateID: 'base', timeout: 1 } : {};
    const route = { name, method, path, isSocket: false, example };
    return { name, path, rule, ask: ((caller, to) => request(route, caller, to)) satisfies Ask };
  });
  expect(await mistakes(asked)).toEqual([]);
});

test('the token of a sandbox is given only to callers that may work in it', async () => {
  const tokenFor = async (caller: Caller) => {
    const answer = await fetch(`${server.url}/e2b/sandboxes/${shared.sid}`, { headers: credentials(caller) });
    return 'envdAccessToken' in ((await answer.json()) as object);
  };
  const got = await Promise.all(callers.map(async (caller) => ((await tokenFor(caller)) ? [caller] : [])));
  expect(got.flat()).toEqual(['user-owner', 'admin']);
});

test('no key opens what is inside of a sandbox; only its own token does', async () => {
  const { sid } = await fresh('/e2b/{sid}');
  const { envdAccessToken } = (await (
    await fetch(`${server.url}/e2b/sandboxes/${sid}`, { headers: credentials('admin') })
  ).json()) as { envdAccessToken: string };
  const paths = { '/files?path=x': 401, '/filesystem.Filesystem/Stat': 401, '/contexts': 403, '/': 403 };
  const ports: Record<string, string> = { '/contexts': '49999', '/': '3000' };
  for (const [path, refused] of Object.entries(paths)) {
    const named = { 'e2b-sandbox-id': sid, 'e2b-sandbox-port': ports[path] ?? '49983' };
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${server.url}${path}`, { headers: { ...named, ...headers } })).status;
    for (const caller of callers)
      expect([path, caller, await ask(credentials(caller))]).toEqual([path, caller, refused]);
    expect([401, 403]).not.toContain(await ask({ 'x-access-token': envdAccessToken }));
  }
});

type Kind = 'query' | 'mutation' | 'subscription';
const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { type: Kind } }>;
const bound = { name: 'api', hosts: ['api.example.org'], value: 'a-value-of-the-matrix' };
const inputs: Record<string, (to: Targets) => object> = {
  'sessionCredentials.put': ({ sid }) => ({ sessionId: sid, ...bound }),
  'sessionCredentials.revoke': ({ sid }) => ({ sessionId: sid, name: 'api' }),
  'projectCredentials.list': ({ project }) => ({ projectId: project }),
  'projectCredentials.put': ({ project }) => ({ projectId: project, ...bound }),
  'projectCredentials.revoke': ({ project }) => ({ projectId: project, name: 'api' }),
  'events.subscribe': ({ sid }) => ({ sessionId: sid, lastEventId: '0' }),
  'sessions.update': ({ sid }) => ({ id: sid, pinned: true }),
  'sessions.fork': ({ sid }) => ({ id: sid }),
  'shares.revoke': ({ sid }) => ({ sessionId: sid, id: '0123456789ab' }),
  'sessions.deleteMany': () => ({ ids: ['f'.repeat(16)] }),
  'egress.allow': ({ sid }) => ({ sessionId: sid, host: 'example.org' }),
  'egress.withdraw': ({ sid }) => ({ sessionId: sid, host: 'example.org' }),
  'runs.send': ({ sid }) => ({ sessionId: sid, text: 'hi' }),
  'runs.approve': ({ sid }) => ({ sessionId: sid, callId: 'c' }),
  'runs.reject': ({ sid }) => ({ sessionId: sid, callId: 'c' }),
  'desktop.takeControl': ({ sid }) => ({ sessionId: sid, viewer: 'somebody' }),
  'desktop.giveControl': ({ sid }) => ({ sessionId: sid, viewer: 'somebody' }),
  'sandbox.exec': ({ sid }) => ({ sessionId: sid, command: 'true' }),
  'terminals.write': ({ terminal }) => ({ terminalId: terminal, text: 'a' }),
  'terminals.resize': ({ terminal }) => ({ terminalId: terminal, cols: 80, rows: 24 }),
  'terminals.close': ({ terminal }) => ({ terminalId: terminal }),
  'files.before': ({ sid }) => ({ sessionId: sid, path: 'report.md' }),
  'terminals.typeIntoShell': ({ sid }) => ({ sessionId: sid, shellId: 'main', text: 'a' }),
  'files.read': ({ sid }) => ({ sessionId: sid, path: 'report.md' }),
  'files.write': ({ sid }) => ({ sessionId: sid, path: 'a.md', content: 'a' }),
  'files.delete': ({ sid }) => ({ sessionId: sid, path: 'a.md' }),
  'files.find': ({ sid }) => ({ sessionId: sid, pattern: '*' }),
  'files.grep': ({ sid }) => ({ sessionId: sid, pattern: 'a' }),
  'processes.stop': ({ sid }) => ({ sessionId: sid, pid: 1 }),
  'processes.logs': ({ sid }) => ({ sessionId: sid, pid: 1 }),
  'projects.update': ({ project }) => ({ id: project, name: 'New' }),
  'projects.updateAgent': ({ project }) => ({ id: project, prompt: 'Be brief.' }),
  'keys.create': () => ({ name: 'x', role: 'viewer' }),
  'keys.revoke': (to) => ({ id: to === nobodys ? 'nobody' : spareKey }),
};
function inputOf(name: string, to: Targets): object {
  const given = inputs[name];
  if (given) return given(to);
  if (/^projects\.(get|agent|delete)$/.test(name)) return { id: to.project };
  if (/^sessions\.(get|agent|cost|delete|promptAt)$/.test(name)) return { id: to.sid };
  if (name === 'projects.create') return { name: 'One' };
  return /^(sessions|projects|templates|keys|system)\./.test(name) ? {} : { sessionId: to.sid };
}

/** The kind of thing that a procedure changes; each caller needs one of its own. */
function placeOf(name: string): string {
  if (/^terminals\.(write|resize|close)$/.test(name)) return 'shell_id';
  return /^project(s|Credentials)\./.test(name) ? 'project_id' : 'sid';
}

/** A new server, because the wrong credentials of all these calls together would lock the address out. */
async function beginAgain(): Promise<void> {
  await server[Symbol.asyncDispose]();
  await begin();
}

describe('procedures', () => {
  beforeAll(beginAgain, 60_000);

  test('the table names every procedure, and each answers each caller as its rule says', {
    timeout: 120_000,
  }, async () => {
    expect(Object.keys(procedureRules).sort()).toEqual(Object.keys(procedures).sort());
    const asked = Object.entries(procedureRules).map(([name, rule]) => ({
      ...{ name, rule, path: placeOf(name) },
      ask: (async (caller, to) => {
        const body = JSON.stringify(inputOf(name, to));
        const isPost = procedures[name]?._def.type === 'mutation';
        const input = name === 'system.info' || isPost ? '' : `?input=${encodeURIComponent(body)}`;
        const signal = AbortSignal.timeout(10_000);
        const init = { headers: credentials(caller), signal, ...(isPost && { method: 'POST', body }) };
        const response = await fetch(`${server.url}/trpc/${name}${input}`, init);
        return { code: response.status, text: await begun(response) };
      }) satisfies Ask,
    }));
    expect(await mistakes(asked)).toEqual([]);
  });
});

describe('the MCP endpoint', () => {
  beforeAll(beginAgain, 60_000);

  const inputsOf: Record<string, object> = {
    run_command: { command: 'true' },
    read_file: { path: 'report.md' },
    write_file: { path: 'a.md', content: 'a' },
    run_task: { task: 'hi', wait_seconds: 0 },
    watch_session: { wait_seconds: 0 },
    decide_approval: { call_id: 'c', decision: 'approved' },
  };
  const addresses: Record<string, string> = {
    ...{ session: '', file: '/files/report.md', screen: '/screen' },
    screenshot: '/screenshots/00000000-0000-4000-8000-00000000eeee',
  };
  const ask = async (method: string, params: object, caller: Caller): Promise<Said> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const init = { method: 'POST', headers: credentials(caller), body, signal: AbortSignal.timeout(10_000) };
    const response = await fetch(`${server.url}/mcp`, init);
    return { code: response.status, text: await response.text() };
  };
  const listed = async (method: string, field: string) => {
    const { text } = await ask(method, {}, 'admin');
    const found = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
    return (found.result[field] as { name: string }[]).map(({ name }) => name);
  };

  test('the table names every tool and resource, and each answers each caller as its rule says', {
    timeout: 120_000,
  }, async () => {
    const resources = (await listed('resources/templates/list', 'resourceTemplates')).map((name) => `resource ${name}`);
    const names = [...(await listed('tools/list', 'tools')), ...resources];
    expect(Object.keys(mcpRules).sort()).toEqual(names.sort());
    const asked = Object.entries(mcpRules).map(([name, rule]) => ({
      ...{ name, rule, path: 'sid' },
      ask: ((caller, to) => {
        const address = addresses[name.replace('resource ', '')];
        if (address !== undefined) {
          return ask('resources/read', { uri: `corral://sessions/${to.sid}${address}` }, caller);
        }
        const session = name === 'create_session' || name === 'list_sessions' ? {} : { session_id: to.sid };
        return ask('tools/call', { name, arguments: { ...session, ...inputsOf[name] } }, caller);
      }) satisfies Ask,
    }));
    expect(await mistakes(asked)).toEqual([]);
  });
});

describe('over sockets', () => {
  beforeAll(beginAgain, 60_000);

  test('each procedure admits the same callers over a socket as over HTTP', { timeout: 120_000 }, async () => {
    const asked = Object.entries(procedureRules).map(([name, rule]) => ({
      ...{ name, rule, path: placeOf(name) },
      ask: ((caller, to) => callOverSocket(name, caller, to)) satisfies Ask,
    }));
    expect(await mistakes(asked)).toEqual([]);
  });

  function callOverSocket(name: string, caller: Caller, to: Targets): Promise<Said> {
    const { promise, resolve } = Promise.withResolvers<Said>();
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/trpc`, { headers: credentials(caller) });
    const method = procedures[name]?._def.type;
    const input = name === 'system.info' ? {} : { input: inputOf(name, to) };
    socket.on('open', () => socket.send(JSON.stringify({ id: 1, method, params: { path: name, ...input } })));
    socket.on('message', (data) => {
      const { error, result } = JSON.parse(String(data));
      if (result?.type === 'started') return;
      resolve({ code: error?.data.httpStatus ?? 200, text: String(data) });
    });
    socket.on('unexpected-response', (_, { statusCode }) => resolve({ code: statusCode ?? 0, text: '' }));
    socket.on('error', () => {});
    return promise.finally(() => socket.terminate());
  }

  type FrameCase = readonly [frame: Readonly<Record<string, unknown>>, rule: 'read' | 'work' | 'stop' | 'create'];
  /** The frames that clients can send on each socket. A socket that is missing here fails, so none stays untested. */
  const frames: Record<string, readonly FrameCase[]> = {
    '/ws/{sid}': [
      [{ type: 'message', content: 'hi' }, 'work'],
      [{ type: 'stop' }, 'stop'],
      [{ type: 'ping' }, 'read'],
    ],
    '/api/v1/chats/{sid}/stream': [
      [{ type: 'message', content: 'hi' }, 'work'],
      [{ type: 'stop' }, 'stop'],
      [{ type: 'cancel' }, 'stop'],
      [{ type: 'ping' }, 'read'],
    ],
    '/ws': [
      [{ type: 'execute_code', code: 'print(1)', filename: 'told.py' }, 'create'],
      [{ type: 'terminal_command', command: 'echo hi > told.py' }, 'create'],
      [{ type: 'save_file', filename: 'told.py', content: 'a' }, 'create'],
      [{ type: 'ping' }, 'create'],
    ],
    '/ws/shells/{shell_id}': [
      [{ type: 'shell_input', data: 'echo hi\n' }, 'work'],
      [{ type: 'shell_resize', cols: 90, rows: 30 }, 'work'],
    ],
    '/api/v1/sessions/{sid}/vnc': [], // no frames of ours: the desktop's tests cover a viewer's input
  };
  const casesOf = (path: string) => (frames[path] ?? []).map(([frame, rule]) => [frame, rule] as const);

  test('the table of frames names every socket and every frame of a workspace', () => {
    const sockets = routes.filter(({ isSocket }) => isSocket).map(({ path }) => path);
    expect(Object.keys(frames).sort()).toEqual(sockets.sort());
    const types = Frame.options.map(({ shape }) => shape.type.value);
    expect(casesOf('/ws').map(([{ type }]) => type)).toEqual(types);
  });

  /** A socket, with all frames that it received. */
  function listening(path: string, caller: Caller) {
    const socket = new WebSocket(server.url.replace('http', 'ws') + path, { headers: credentials(caller) });
    const said: string[] = [];
    socket.on('message', (data) => void said.push(String(data))).on('error', () => {});
    const ended = new Promise<number>((resolve) => {
      socket.on('close', resolve).on('unexpected-response', (_, { statusCode }) => resolve(statusCode ?? 0));
    });
    return { socket, said, ended, [Symbol.dispose]: () => socket.terminate() };
  }

  // The test of the routes shows that callers who cannot read are refused before the first frame. Of the callers that
  // are admitted, only the viewer lacks the right to some frames.
  test.each(['/ws/{sid}', '/api/v1/chats/{sid}/stream'])(
    '%s: each frame needs a permission of its own',
    async (path) => {
      for (const [frame, rule] of casesOf(path)) {
        for (const caller of ['viewer', 'user-owner', 'admin'] as const) {
          const { sid } = await fresh('sid');
          using client = listening(path.replace('{sid}', sid), caller);
          client.socket.on('open', () => {
            client.socket.send(JSON.stringify(frame));
            client.socket.send(JSON.stringify({ type: 'ping' }));
          });
          await expect.poll(() => client.said.some((text) => text.includes('"pong"')), { timeout: 5_000 }).toBe(true);
          const refused = client.said.some((text) => text.includes('may not do this'));
          expect([frame, caller, refused]).toEqual([frame, caller, expected(rule, caller) === 403]);
        }
      }
    },
  );

  test.each(casesOf('/ws'))(
    '/ws: the frame %j acts on its session for the owner and an administrator only',
    async (frame, rule) => {
      const { signal } = new AbortController();
      for (const caller of callers) {
        const { sid } = await fresh('sid');
        using client = listening('/ws?user_id=somebody', caller);
        client.socket.on('open', () =>
          client.socket.send(JSON.stringify({ ...frame, sessionId: sid, requestId: 'r' })),
        );
        const wanted = expected(rule, caller);
        if (wanted === 'through') {
          await expect.poll(() => client.said.some((text) => text.includes('"requestId":"r"'))).toBe(true);
        } else expect([caller, await client.ended]).toEqual([caller, wanted === 401 ? 401 : 1008]);
        if (frame.type === 'terminal_command') continue; // the fake sandboxes cannot run the wrapper around the command
        const names = (await server.core.services.files.list(sid as never, '.', signal)).map(({ name }) => name);
        const acts = frame.type !== 'ping' && (caller === 'user-owner' || caller === 'admin');
        expect([caller, names.includes('told.py')]).toEqual([caller, acts]);
      }
    },
  );

  test.each(casesOf('/ws/shells/{shell_id}'))(
    '/ws/shells: the frame %j reaches a terminal only for callers its rule admits',
    async (frame, rule) => {
      for (const caller of callers) {
        const { terminal } = await fresh('shell_id');
        using client = listening(`/ws/shells/${terminal}`, caller);
        client.socket.on('open', () => {
          client.socket.send(JSON.stringify(frame));
          client.socket.send('{"type":"nothing"}'); // the server answers this frame last
        });
        const wanted = expected(rule, caller);
        if (wanted === 'through') {
          await expect.poll(() => client.said.some((text) => text.includes('Unknown message type'))).toBe(true);
          expect(client.said[0]).toContain('shell_connected');
          continue;
        }
        expect([caller, await client.ended]).toEqual([caller, wanted === 401 ? 401 : 1008]);
        expect(client.said.filter((text) => !text.includes('"error"'))).toEqual([]);
      }
    },
  );
});
