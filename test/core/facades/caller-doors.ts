import http from 'node:http';
import WebSocket from 'ws';
import { appRouter } from '../../../src/api/router.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { envdCallPaths } from '../../../src/facades/compat/e2b/data/agent.ts';
import type { ComposedServer } from '../../support/servers/composed.ts';
import { inputOf, mcpAddresses, mcpInputs } from './caller-inputs.ts';
import type { Rule } from './caller-rights.ts';
import { dataRules, hostRules, mcpRules, procedureRules } from './caller-rules.ts';
import type { Targets } from './caller-targets.ts';
import { routeRules } from './route-rules.ts';

// Every endpoint of a server, as the server itself registers it, and how a caller uses it.

/** The answer: its status or the socket's close code, and its text. */
export interface DoorAnswer {
  readonly code: number;
  readonly text: string;
}
export interface PresentedCredentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly signature?: string;
}
export interface CallerRoute {
  readonly name: string;
  /** Undefined: the table has no row for it. */
  readonly rule: Rule | undefined;
  ask(shown: PresentedCredentials, to: Targets): Promise<DoorAnswer>;
}

type Kind = 'query' | 'mutation' | 'subscription';
export const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { type: Kind } }>;

/** Every door of the server. HEAD is answered by the route of its GET, and OPTIONS before any route. */
export async function doorsOf(server: ComposedServer, key: string): Promise<CallerRoute[]> {
  const mcp = mcpDoors(server.url, { headers: { authorization: `Bearer ${key}` } });
  return [
    ...routeDoors(server),
    ...procedureDoors(server.url),
    ...(await mcp),
    ...dataDoors(server.url),
    ...hostDoors(server.url),
  ];
}

export function strayRows(doors: readonly CallerRoute[]): string[] {
  const names = new Set(doors.map(({ name }) => name));
  const everyMethod = (row: string) => row.startsWith('ALL ') && names.has(row.replace('ALL', 'GET'));
  const rows = Object.keys(routeRules).filter((row) => !names.has(row) && !everyMethod(row));
  const others = { procedure: procedureRules, mcp: mcpRules, data: dataRules, host: hostRules };
  const more = Object.entries(others).flatMap(([kind, rules]) => Object.keys(rules).map((row) => `${kind} ${row}`));
  return [...rows, ...more.filter((name) => !names.has(name))];
}

const skipped = new Set(['HEAD', 'OPTIONS', 'TRACE']);
function routeDoors(server: ComposedServer): CallerRoute[] {
  const registered = server.routes.filter(({ method }) => !skipped.has(method));
  return registered.map(({ method, url, isSocket, doc }) => {
    const path = url.replaceAll(/:(\w+)/g, '{$1}');
    const name = `${method} ${path}`;
    const body = programBodies[name] ?? doc?.bodyExample ?? (url.endsWith('/exec') ? { command: 'true' } : undefined);
    const ask = async (shown: PresentedCredentials, to: Targets): Promise<DoorAnswer> => {
      // A caller that opens a name keeps it, so it is not one of the shared names.
      const target = method === 'PUT' ? { ...to, boxName: 'of-the-matrix' } : to;
      const address = server.url + fillPath(path, target);
      if (isSocket) return await connect(address, shown, path === '/trpc' ? firstQuery : undefined);
      // Other callers delete it at the same time.
      if (method === 'DELETE' && path.includes('/api-keys/'))
        await server.core.opencodex.keys.put('gemini', new Secret('k'));
      if (method === 'POST' && (path.endsWith('/v1/files') || path.includes('/files/upload/')))
        return await send(address, shown, { method, ...(await aFile()) });
      if (method === 'POST' && /^\/anthropic\/v1\/skills(\/.*versions)?$/.test(path))
        return await send(address, shown, { method, ...(await aFile('files[]', 'x/SKILL.md')) });
      return await send(address, shown, {
        method,
        ...(method !== 'GET' && (method !== 'DELETE' || name in programBodies) && json(body ?? {}, to)),
      });
    };
    return { name, rule: routeRules[name] ?? routeRules[`ALL ${path}`], ask };
  });
}
const programBodies: Record<string, object> = {
  'POST /anthropic/v1/environments/{id}/keys': { name: 'worker' },
  'POST /anthropic/v1/environments/{id}/work/{work}': { metadata: { a: '1' } },
  'POST /anthropic/v1/sessions/{id}/events': {
    events: [{ type: 'user.message', content: [{ type: 'text', text: 'Say hi' }] }],
  },
  'POST /anthropic/v1/vaults/{id}/credentials': {
    auth: { type: 'static_bearer', token: 'another-token', mcp_server_url: 'https://other.example.com/' },
  },
  'POST /anthropic/v1/memory_stores/{id}/memories': { path: '/notes/new.md', content: 'x' },
  'POST /anthropic/v1/memory_stores/{id}/memories/{memory}': { content: 'changed' },
  'POST /e2b/volumes': { name: 'of-a-program' },
  'POST /e2b/secrets': { name: 'of-a-program', value: 'a-secret-value' },
  'POST /e2b/secrets/{secret}': { value: 'another-value' },
  'POST /e2b/v3/templates': { name: 'of-a-program' },
  'POST /e2b/v2/templates/{sid}/builds/{build}': { fromImage: 'corral/sandbox', steps: [] },
  'PUT /api/v1/drain': { draining: false }, // the other callers still need new sessions
  'POST /e2b/templates/tags': { target: 'tpl-example', tags: ['v2'] },
  'DELETE /e2b/templates/tags': { name: 'tpl-example', tags: ['v2'] },
  'POST /e2b/sandboxes': { templateID: 'base', timeout: 1 },
  'POST /e2b/v2/sandboxes': { templateID: 'base', timeout: 1 },
};
const exampleProject = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10';
const json = (body: unknown, to: Targets) => ({
  body: JSON.stringify(body)
    .replace(exampleProject, to.project)
    .replace('tpl-example', to.template)
    .replace('skill_0123456789abcdef01234567', to.skill),
});
async function aFile(field = 'file', name = 'c.txt') {
  const form = new FormData();
  form.append(field, new Blob(['hello']), name);
  const encoded = new Response(form);
  return { body: await encoded.text(), type: encoded.headers.get('content-type') ?? '' };
}

/** The id in a path of E2B's API, or a session. */
function programsSid(path: string, to: Targets): string {
  if (path === '/e2b/templates/{sid}') return to.snapshot;
  if (/^\/e2b\/(v2\/)?templates\//.test(path)) return to.template;
  return path.startsWith('/e2b/') ? to.box : to.sid;
}

function programsId(path: string, to: Targets): string {
  if (path.includes('/agents/')) return to.agent;
  if (/\/environments\/\{id\}\/(work|keys)/.test(path)) return to.queue;
  if (path.includes('/environments/')) return to.environment;
  if (path.includes('/vaults/')) return to.vault;
  if (path.includes('/skills/')) return to.skill;
  if (path.includes('/memory_stores/')) return to.memoryStore;
  if (path.includes('/deployments/')) return to.deployment;
  return path.includes('/files/') ? to.document : `sesn_${to.sid}`;
}

export function fillPath(path: string, to: Targets): string {
  const query: Record<string, string> = {
    '/api/sessions/{sid}/files/content': '?path=report.md',
    '/api/v1/chats/{sid}/workspace/files/content': '?path=/workspace/report.md',
    '/api/v1/chats/{sid}/workspace/files/download': '?path=/workspace/report.md',
    '/api/v1/chats/{sid}/stream': '?after_seq=0',
    '/api/v1/chats/{sid}/workspace/download-all': '?type=output',
    '/ws/{sid}': '?after_seq=0',
    '/api/v1/sessions/{sid}/events': '?last_event_id=0',
    '/streams/sessions/{sid}/file': '?path=report.md',
    '/api/v1/sessions/{sid}/repositories/status': '?path=project',
    '/api/v1/sessions/{sid}/repositories/diff': '?path=project',
    '/api/v1/sessions/{sid}/repositories/patch': '?path=project',
    '/api/v1/sessions/{sid}/pull-requests': '?path=project',
    '/ws': '?user_id=someone',
    '/api/v1/volumes/{volume}/file': '?path=report.md',
    '/api/v1/memory/notes': `?of=project&id=${to.project}`,
    '/api/v1/memory/note': `?of=project&id=${to.project}&path=build.md`,
    '/api/v1/memory/history': `?of=project&id=${to.project}&path=build.md`,
    '/api/v1/chats': `?project_id=${to.project}`,
  };
  const ofFile = /\/(files|uploads)\//.test(path) ? to.file : path.includes('/blocks/') ? to.block : to.action;
  const ofHook = path.includes('/webhooks/') ? to.webhook : ofFile;
  const ofSkill = path.includes('/skills/') ? to.skill : ofHook;
  const ofAutomation = /\/(automations|hooks)\//.test(path) ? to.automation : ofSkill;
  const ofTemplate = path.includes('/built-templates/') ? to.template : ofAutomation;
  const ofKey = path.includes('/keys/') ? to.key : path.includes('/people/') ? to.person : ofTemplate;
  const id = path.startsWith('/anthropic/') ? programsId(path, to) : ofKey;
  const values: Record<string, string> = {
    sid: programsSid(path, to),
    build: to.build,
    hash: 'a'.repeat(64),
    project_id: to.project,
    volume: to.volume,
    shell_id: to.terminal,
    id,
    thread: `sthr_${to.sid}`,
    resource: 'sesrsc_none',
    pid: '1',
    number: '0',
    attempts: '0123456789ab',
    n: '1',
    link: '0123456789ab',
    preview: '0123456789ab',
    delivery: to.delivery,
    version: to.skillVersion,
    snapshot_id: to.snapshot,
    name: path.includes('/tool-servers/') ? to.toolServer : path.includes('/boxes/') ? to.boxName : 'app.js',
    provider: 'gemini',
    key: path.startsWith('/anthropic/') ? to.workerKey : 'max-steps',
    work: to.work,
    memory: to.storeMemory,
    memory_version: to.storeVersion,
    run: to.deploymentRun,
    template_id: 'default',
    secret: to.secret,
    member: to.person,
    account: '0123456789ab',
    credential: path.startsWith('/anthropic/') ? to.vaultCredential : 'api',
    path: 'system.info',
    page: 'guide',
    folder: 'how-to',
  };
  if (path === '/e2b/*') return '/e2b/teams';
  if (path === '/anthropic/*') return '/anthropic/v1/tunnels';
  if (path === '/anthropic/v1/models/*') return `/anthropic/v1/models/${'x'.repeat(201)}`; // refused for its length
  if (path === '/e2b/templates/aliases/{sid}') return '/e2b/templates/aliases/base';
  const found = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => values[name] ?? '').replace('*', 'secrets');
  return found + (query[path] ?? '');
}

function procedureDoors(url: string): CallerRoute[] {
  return Object.entries(procedures).map(([name, { _def }]) => ({
    name: `procedure ${name}`,
    rule: procedureRules[name],
    async ask(shown, to) {
      const body = JSON.stringify(inputOf(name, to));
      if (_def.type === 'mutation') return await send(`${url}/trpc/${name}`, shown, { method: 'POST', body });
      const input = name === 'system.info' ? '' : `?input=${encodeURIComponent(body)}`;
      return await send(`${url}/trpc/${name}${input}`, shown);
    },
  }));
}

async function mcpDoors(url: string, admin: PresentedCredentials): Promise<CallerRoute[]> {
  const call = (method: string, params: object, shown: PresentedCredentials) =>
    send(`${url}/mcp`, shown, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) });
  const listed = async (method: string, field: string): Promise<string[]> => {
    const { text } = await call(method, {}, admin);
    const { result } = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
    return ((result?.[field] ?? []) as { name: string }[]).map(({ name }) => name);
  };
  const tools = await listed('tools/list', 'tools');
  // `resources/list` shows sessions of the caller under the first template.
  const lists = { 'resources/templates/list': 'resourceTemplates', 'prompts/list': 'prompts' };
  const resources = await Promise.all(Object.entries(lists).map(([method, field]) => listed(method, field)));
  const named = [...tools, ...resources.flat().map((name) => `resource ${name}`)];
  return named.map((name) => ({
    name: `mcp ${name}`,
    rule: mcpRules[name],
    ask(shown, to) {
      const address = mcpAddresses[name.replace('resource ', '')];
      if (name.startsWith('resource '))
        return call('resources/read', { uri: `corral://sessions/${to.sid}${address}` }, shown);
      const session = name === 'create_session' || name === 'list_sessions' ? {} : { session_id: to.sid };
      return call('tools/call', { name, arguments: { ...session, ...mcpInputs[name] } }, shown);
    },
  }));
}

/**
 * The calls are those that the agent's services register; all other rows come from the table, because ports have no
 * list.
 */
function dataDoors(url: string): CallerRoute[] {
  const names = new Set([...envdCallPaths.map((path) => `49983 POST ${path}`), ...Object.keys(dataRules)]);
  return [...names].map((name) => ({
    name: `data ${name}`,
    rule: dataRules[name],
    async ask({ headers, signature }, to) {
      const [port = '', method = '', path = ''] = name.split(' ');
      const shown = { ...headers, 'e2b-sandbox-id': to.box, 'e2b-sandbox-port': port };
      const all = { headers: shown, ...(signature !== undefined && { signature }) };
      if (method === 'WS') return await connect(url + path, all);
      const isStream = /(Start|Connect|WatchDir|StreamInput)$/.test(path);
      const type = isStream ? 'application/connect+json' : 'application/json';
      const body = isStream ? '\0\0\0\0\x02{}' : '{}';
      return await send(url + path, all, { method, type, ...(method === 'POST' && { body }) });
    },
  }));
}

function hostDoors(url: string): CallerRoute[] {
  return Object.entries(hostRules).map(([name, rule]) => ({
    name: `host ${name}`,
    rule,
    async ask({ headers, signature }, to) {
      const [host = '', method = '', path = ''] = name.split(' ');
      const [port = '', target = ''] = host.split('-');
      const shown = { ...headers, host: `${port}-${target === 'box' ? to.box : to.sid}.localhost` };
      const all = { headers: shown, ...(signature !== undefined && { signature }) };
      if (method === 'WS') return await connect(url + path, all);
      const input = { method, ...(method === 'POST' && { body: '{}', type: 'application/json' }) };
      return await send(url + path, all, input);
    },
  }));
}

const patienceMs = 60_000;
const agent = new http.Agent({ keepAlive: true });
interface DoorRequest {
  readonly method?: string;
  readonly body?: string;
  readonly type?: string;
}
/** The beginning of a stream is enough: its first event, or the reason for its refusal. */
export function send(
  url: string,
  { headers, signature }: PresentedCredentials,
  sent: DoorRequest = {},
): Promise<DoorAnswer> {
  const { method = 'GET', body = '', type } = sent;
  const { promise, resolve, reject } = Promise.withResolvers<DoorAnswer>();
  const all = { ...headers, ...(type && { 'content-type': type }), 'content-length': String(Buffer.byteLength(body)) };
  const signal = AbortSignal.timeout(patienceMs);
  const request = http.request(withSignature(url, signature), { method, headers: all, agent, signal });
  request.on('error', reject).on('response', (response) => {
    const type = response.headers['content-type'] ?? '';
    const done = (text: string) => resolve({ code: response.statusCode ?? 0, text });
    let text = '';
    response.setEncoding('utf8').on('error', reject);
    const isBegun = () =>
      type.includes('event-stream')
        ? // A stream of Managed Agents begins with the next event.
          url.includes('/anthropic/') || /^data: \{.+/m.test(text.replace(/event: connected\ndata: .*\n/, ''))
        : /octet-stream|connect\+json/.test(type) || response.headers['content-disposition'] !== undefined;
    response.on('data', (chunk: string) => {
      text += chunk;
      if (!isBegun()) return;
      done(text);
      request.destroy();
    });
    // A terminal sends nothing until somebody types.
    if (url.includes('/streams/terminals/') && response.statusCode === 200) {
      done('');
      request.destroy();
    }
    response.on('end', () => done(text));
  });
  request.end(body);
  return promise;
}

const firstQuery = { id: 1, method: 'query', params: { path: 'system.info' } };
/** The first frame of a socket, or the reason why it closed. `first` is sent to sockets that wait for the client. */
export function connect(
  url: string,
  { headers, signature }: PresentedCredentials,
  first?: object,
): Promise<DoorAnswer> {
  const { promise, resolve } = Promise.withResolvers<DoorAnswer>();
  const socket = new WebSocket(withSignature(url.replace('http', 'ws'), signature), { headers });
  if (first) socket.on('open', () => socket.send(JSON.stringify(first)));
  socket.on('unexpected-response', (_, { statusCode }) => resolve({ code: statusCode ?? 0, text: '' }));
  socket.on('message', (data) => resolve({ code: 101, text: String(data) }));
  socket.on('close', (code, reason) => resolve({ code, text: String(reason) }));
  socket.on('error', () => {});
  return promise.finally(() => socket.terminate());
}

function withSignature(url: string, signature: string | undefined): string {
  return signature === undefined ? url : `${url}${url.includes('?') ? '&' : '?'}signature=${signature}`;
}

/** Calls procedures over one socket. */
export async function procedureSocket(url: string, { headers }: PresentedCredentials) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/trpc`, { headers });
  const waiting = new Map<number, (words: DoorAnswer) => void>();
  socket.on('message', (data) => {
    const { id, error, result } = JSON.parse(String(data));
    if (result?.type === 'started') return;
    waiting.get(id)?.({ code: error?.data.httpStatus ?? 200, text: JSON.stringify(error ?? result) });
  });
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  return {
    ask(name: string, to: Targets): Promise<DoorAnswer> {
      const { promise, resolve } = Promise.withResolvers<DoorAnswer>();
      const id = waiting.size + 1;
      waiting.set(id, resolve);
      const input = name === 'system.info' ? {} : { input: inputOf(name, to) };
      socket.send(JSON.stringify({ id, method: procedures[name]?._def.type, params: { path: name, ...input } }));
      return promise;
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}
