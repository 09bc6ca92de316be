// @module-tag all
import { afterAll, beforeAll, expect, test } from 'vitest';
import { facadeDescriptors } from '../../../src/facades/list.ts';
import { testRows } from '../../support/runner/tags.ts';
import { type CallerRoute, connect, fillPath, send, strayRows } from './caller-doors.ts';
import { type Caller, callers, expected, isSampled } from './caller-rights.ts';
import { type CallerServer, callerServer } from './caller-server.ts';

// The authorization matrix: every door that the server registers (routes and sockets of all facades, tRPC procedures,
// tools and resources of MCP, the data plane of E2B, ports under their host names), for every kind of caller. Each answer has to be what the table of
// caller-rules.ts and route-rules.ts says. A door without a row fails, so no new door is open by oversight.

let it: CallerServer;
beforeAll(async () => {
  it = await callerServer();
});
afterAll(() => it[Symbol.asyncDispose]());
const lines = (doors: readonly CallerRoute[]) => doors.map(({ name }) => name);

test('every door has a row in the table, and every row has a door', () => {
  expect([lines(it.doors.filter(({ rule }) => rule === undefined)), strayRows(it.doors)]).toEqual([[], []]);
  expect(it.doors.length).toBeGreaterThan(250);
});

test('a door that admits others than its row says is reported', async () => {
  const open = it.doors
    .filter(({ name }) => name === 'GET /api/v1/sessions')
    .map((door) => ({ ...door, rule: 'admin' as const }));
  const wrong = await it.mistakes(open);
  const admitted = callers.filter((caller) => caller !== 'admin' && expected('any', caller) === 'through');
  expect(admitted).toContain('viewer');
  expect(wrong.map((line) => line.split(':')[0])).toEqual(
    admitted.sort().map((caller) => `GET /api/v1/sessions for ${caller}`),
  );
});

test.each(callers)('the doors answer %s as their rules say', async (caller) => {
  const sample = it.doors.filter((door, index) => isSampled(caller, door, index));
  expect(await it.mistakes(sample, [caller])).toEqual([]);
});

test.each(callers)('the other doors answer %s as their rules say', { tags: ['nightly'] }, async (caller) => {
  const others = it.doors.filter((door, index) => !isSampled(caller, door, index));
  expect(await it.mistakes(others, [caller])).toEqual([]);
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

/** Routes whose objects have names, or that answer by a page or a socket's end. */
const byName =
  /\/(?:boxes|providers|tool-servers|server-\w+|people|snapshots|keys|volumes|volumecontent|(?:built-)?templates|api-keys|trpc|ws|terminals)\/|\/(?:vnc|desktop|stream)$/;

test('F105 every route answers ids that name nothing with 404, and none breaks', async () => {
  const shown = await it.shown('admin');
  const { sessions } = it.server.core.services;
  const { id: deleted } = await sessions.create({ origin: 'trpc' });
  await sessions.delete(deleted);
  const wrong: string[] = [];
  for (const id of [deleted, 'ABCDEF0123456789', 'x'.repeat(128), '%00', '..%2fx', '%F0%9F%92%A9', '0']) {
    const targets = Object.fromEntries(Object.keys(it.shared).map((key) => [key, id])) as unknown as typeof it.shared;
    for (const door of it.doors.filter(({ name }) => /^[A-Z]+ .*\{/.test(name))) {
      const { code } = await door.ask(shown, targets);
      const isFine = byName.test(door.name) ? code < 500 || code >= 600 : code === 404;
      if (!isFine) wrong.push(`${door.name} of ${id.slice(0, 20)}: ${code}`);
    }
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

testRows(
  [
    ['no body', {}],
    ['the body null', { type: 'application/json', body: 'null' }],
    ['an empty body of JSON', { type: 'application/json' }],
    ['a body of another type', { type: 'text/plain', body: 'x' }],
  ],
  2,
)('every documented change with %s is no error of the server', async ([, sent]) => {
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
