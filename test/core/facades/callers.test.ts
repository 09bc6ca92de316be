// @module-tag all
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Frame } from '../../../src/facades/compat/workspace/routes.ts';
import { facadeDescriptors } from '../../../src/facades/list.ts';
import { type CallerRoute, connect, fillPath, procedureSocket, procedures, send, strayRows } from './caller-doors.ts';
import { type Caller, callers, expected, members } from './caller-rights.ts';
import { procedureRules } from './caller-rules.ts';
import { type CallerServer, callerServer } from './caller-server.ts';

// The authorization matrix: every door that the server registers (routes and sockets of all facades, tRPC procedures,
// tools and resources of MCP, the data plane of E2B, ports under their host names), for every kind of caller. Each answer has to be what the table of
// caller-rules.ts and route-rules.ts says. A door without a row fails, so no new door is open by oversight.

let it: CallerServer;
beforeAll(async () => {
  it = await callerServer();
});
afterAll(() => it[Symbol.asyncDispose]());
const sampled: readonly Caller[] = [
  'none',
  'viewer',
  'auditor',
  'user-other',
  'sandbox-token',
  'person',
  'proxy-person',
  'program',
];
const lines = (doors: readonly CallerRoute[]) => doors.map(({ name }) => name);

test('every door has a row in the table, and every row has a door', () => {
  expect([lines(it.doors.filter(({ rule }) => rule === undefined)), strayRows(it.doors)]).toEqual([[], []]);
  expect(it.doors.length).toBeGreaterThan(250);
});

test.each(callers)('every door answers %s as its rule says', async (caller) =>
  expect(await it.mistakes(it.doors, [caller])).toEqual([]),
);

test('a door that admits others than its row says is reported', async () => {
  const open = it.doors
    .filter(({ name }) => name === 'GET /api/v1/sessions')
    .map((door) => ({ ...door, rule: 'admin' as const }));
  const wrong = await it.mistakes(open);
  expect(wrong.map((line) => line.split(':')[0])).toEqual(
    [
      ...members,
      'auditor',
      'operator',
      'person',
      'personal-key',
      'program',
      'proxy-person',
      'user-other',
      'user-owner',
      'viewer',
    ]
      .sort()
      .map((caller) => `GET /api/v1/sessions for ${caller}`),
  );
});

test('each procedure admits the same callers over a socket as over HTTP', async () => {
  const wrong: string[] = [];
  // The matrix above asks each procedure over HTTP for every caller, with the same guard behind it.
  for (const caller of sampled) {
    const shown = await it.shown(caller);
    if (expected('any', caller) !== 'through') {
      const { code } = await connect(`${it.server.url}/trpc`, shown);
      if (code !== 401) wrong.push(`${caller}: ${code}`);
      continue;
    }
    using socket = await procedureSocket(it.server.url, shown);
    const doors = Object.keys(procedures).map((name): CallerRoute => {
      const ask: CallerRoute['ask'] = (_, to) => socket.ask(name, to);
      return { name: `procedure ${name}`, rule: procedureRules[name], isRoute: false, ask };
    });
    wrong.push(...(await it.mistakes(doors, [caller])));
  }
  expect(wrong).toEqual([]);
});

test("F128 F129 F130 every route refuses another site's page and another Host, even with a valid token", async () => {
  const { headers } = await it.shown('admin');
  const routes = it.server.routes.filter(({ method }) => !['HEAD', 'OPTIONS', 'TRACE'].includes(method));
  const wrong: string[] = [];
  for (const { method, url, isSocket } of routes) {
    const ask = async (more: Record<string, string>) => {
      const address = it.server.url + url.replaceAll(/:\w+/g, '0123456789abcdef').replace('*', 'x');
      const shown = { headers: { ...headers, ...more } };
      return (await (isSocket ? connect(address, shown) : send(address, shown, { method }))).code;
    };
    const origin = 'http://localhost.evil.example';
    if ((method !== 'GET' || isSocket) && (await ask({ origin })) !== 403) wrong.push(`${method} ${url}: page`);
    if ((await ask({ host: 'evil.example' })) !== 403) wrong.push(`${method} ${url}: Host`);
  }
  expect(wrong).toEqual([]);
});

test('only callers get the token of a sandbox that may work in it', async () => {
  const tokenFor = async (caller: Caller) =>
    (await send(`${it.server.url}/e2b/sandboxes/${it.shared.box}`, await it.shown(caller))).text.includes('envdAccess');
  const got = await Promise.all(callers.map(async (caller) => ((await tokenFor(caller)) ? [caller] : [])));
  expect(got.flat()).toEqual(['user-owner', 'admin']);
});

test('only a link to control lets its holder use the keyboard of a screen', async () => {
  const { desktop } = it.server.core.services;
  const { watch } = desktop;
  const choices: unknown[] = [];
  const seen = (_id: string, choice: unknown) => {
    choices.push(choice);
    return Promise.reject(new Error('seen'));
  };
  Object.assign(desktop, { watch: seen });
  const path = `/api/v1/sessions/${it.shared.sid}/vnc`;
  for (const caller of ['watch-link', 'control-link'] as const)
    await connect(it.server.url + path, await it.shown(caller, path));
  Object.assign(desktop, { watch });
  expect(choices).toMatchObject([{ mayControl: false }, { mayControl: true }]);
});

test('the tag and path of every documented route name its facade, and each of its paths is routed', () => {
  const below = (path: string, route: string) => route === path || (path !== '/' && route.startsWith(`${path}/`));
  const nameless = (path: string) => path.replaceAll(/\{[^}]+\}|:\w+/g, '{}');
  const all = Object.values(facadeDescriptors).map(({ tag, paths }) => ({ tag, paths: paths.map(nameless) }));
  const { routes } = it.server;
  const strays = routes.filter(({ doc, url }) => {
    const serves = (facade: (typeof all)[number]) => facade.paths.some((path) => below(path, nameless(url)));
    return doc && !doc.asset && !all.some((facade) => facade.tag === doc.tag && serves(facade));
  });
  expect(strays.map(({ method, url }) => `${method} ${url}`)).toEqual([]);
  const listed = all.flatMap(({ paths }) => paths);
  expect(listed.filter((path) => !routes.some(({ url }) => below(path, nameless(url))))).toEqual([]);
});

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
    [{ type: 'execute_code', code: 'print(1)', filename: 'saved.py' }, 'create'],
    [{ type: 'terminal_command', command: 'echo hi > saved.py' }, 'create'],
    [{ type: 'save_file', filename: 'saved.py', content: 'a' }, 'create'],
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
  const sockets = it.server.routes.filter(({ isSocket, url }) => isSocket && url !== '/trpc');
  expect(Object.keys(frames).sort()).toEqual(sockets.map(({ url }) => url.replaceAll(/:(\w+)/g, '{$1}')).sort());
  const types = Frame.options.map(({ shape }) => shape.type.value);
  expect(casesOf('/ws').map(([{ type }]) => type)).toEqual(types);
});

/** A socket, with all frames that it received. */
async function listening(path: string, caller: Caller) {
  const { headers, signature } = await it.shown(caller);
  const query = signature === undefined ? '' : `${path.includes('?') ? '&' : '?'}signature=${signature}`;
  const socket = new WebSocket(it.server.url.replace('http', 'ws') + path + query, { headers });
  const messages: string[] = [];
  socket.on('message', (data) => void messages.push(String(data))).on('error', () => {});
  const ended = new Promise<number>((resolve) => {
    socket.on('close', resolve).on('unexpected-response', (_, { statusCode }) => resolve(statusCode ?? 0));
  });
  return { socket, messages, ended, [Symbol.dispose]: () => socket.terminate() };
}

// The test of the routes shows that callers who cannot read are refused before the first frame. Of the callers that
// are admitted, only the viewer lacks the right to some frames.
test.each(['/ws/{sid}', '/api/v1/chats/{sid}/stream'])('%s: each frame needs a permission of its own', async (path) => {
  for (const [frame, rule] of casesOf(path)) {
    for (const caller of ['viewer', 'user-owner', 'admin'] as const) {
      const { sid } = await it.fresh('sid');
      using client = await listening(path.replace('{sid}', sid), caller);
      client.socket.on('open', () => {
        client.socket.send(JSON.stringify(frame));
        client.socket.send(JSON.stringify({ type: 'ping' }));
      });
      await expect.poll(() => client.messages.some((text) => text.includes('"pong"'))).toBe(true);
      const refused = client.messages.some((text) => text.includes('does not allow this'));
      expect([frame, caller, refused]).toEqual([frame, caller, expected(rule, caller) === 403]);
    }
  }
});

test.each(casesOf('/ws'))(
  '/ws: the frame %j acts on its session only for callers who may work in it',
  async (frame, rule) => {
    const { signal } = new AbortController();
    for (const caller of callers) {
      const { sid } = await it.fresh('sid');
      using client = await listening('/ws?user_id=somebody', caller);
      client.socket.on('open', () => client.socket.send(JSON.stringify({ ...frame, sessionId: sid, requestId: 'r' })));
      const target = expected(rule, caller);
      if (target === 'through') {
        await expect.poll(() => client.messages.some((text) => text.includes('"requestId":"r"'))).toBe(true);
      } else expect([caller, await client.ended]).toEqual([caller, target === 401 ? 401 : 1008]);
      if (frame.type === 'terminal_command') continue; // the fake sandboxes cannot run the wrapper around the command
      const names = (await it.server.core.services.files.list(sid as never, '.', signal)).map(({ name }) => name);
      const acts = frame.type !== 'ping' && expected('work', caller) === 'through';
      expect([caller, names.includes('saved.py')]).toEqual([caller, acts]);
    }
  },
);

test.each(casesOf('/ws/shells/{shell_id}'))(
  '/ws/shells: the frame %j reaches a terminal only for callers its rule admits',
  async (frame, rule) => {
    for (const caller of callers) {
      const { terminal } = await it.fresh('shell_id');
      using client = await listening(`/ws/shells/${terminal}`, caller);
      client.socket.on('open', () => {
        client.socket.send(JSON.stringify(frame));
        client.socket.send('{"type":"nothing"}'); // the server answers this frame last
      });
      const target = expected(rule, caller);
      if (target === 'through') {
        await expect.poll(() => client.messages.some((text) => text.includes('Unknown message type'))).toBe(true);
        expect(client.messages[0]).toContain('shell_connected');
        continue;
      }
      expect([caller, await client.ended]).toEqual([caller, target === 401 ? 401 : 1008]);
      expect(client.messages.filter((text) => !text.includes('"error"'))).toEqual([]);
    }
  },
);

test.each([
  ['no body', {}],
  ['an empty body of JSON', { type: 'application/json' }],
  ['the body null', { type: 'application/json', body: 'null' }],
  ['a body of another type', { type: 'text/plain', body: 'x' }],
])('every documented change with %s is no error of the server', async (_, sent) => {
  const shown = await it.shown('admin');
  const wrong: string[] = [];
  for (const { method, url, doc, isSocket } of it.server.routes) {
    if (!doc || isSocket || !['POST', 'PUT', 'PATCH'].includes(method)) continue;
    const path = url.replaceAll(/:(\w+)/g, '{$1}');
    const query = path.endsWith('/snapshots/archive') ? '?name=x' : '';
    const address = it.server.url + fillPath(path, it.shared) + query;
    const { code, text } = await send(address, shown, { method, ...sent });
    if (code >= 500 && ![501, 503].includes(code) && !text.includes('cannot run programs'))
      wrong.push(`${method} ${path}: ${code} ${text}`);
  }
  expect(wrong).toEqual([]);
});
