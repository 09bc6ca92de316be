import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Asked, type CallerMatrix, callerMatrix } from './caller-matrix.ts';
import { type Caller, callers, e2bRules, routeRules } from './caller-rules.ts';

// Every route of the OpenAPI document, and the control plane and sandboxes of E2B.

let matrix: CallerMatrix;
beforeAll(async () => {
  matrix = await callerMatrix();
}, 60_000);
afterAll(() => matrix[Symbol.asyncDispose]());

test('the table of rules names every route, and no other', () => {
  expect(Object.keys(routeRules).sort()).toEqual(matrix.routes.map(({ name }) => name).sort());
});

test('every route and socket answers each caller as its rule says', { timeout: 120_000 }, async () => {
  const asked = matrix.routes.map(
    (route): Asked => ({
      ...{ name: route.name, path: route.path, rule: routeRules[route.name] ?? 'admin' },
      ask: (caller, to) => (route.isSocket ? matrix.connect(route, caller, to) : matrix.request(route, caller, to)),
    }),
  );
  expect(await matrix.mistakes(asked)).toEqual([]);
});

test("every route of E2B's control plane answers each caller as its rule says", { timeout: 120_000 }, async () => {
  const asked = Object.entries(e2bRules).map(([name, rule]): Asked => {
    const [method = '', path = ''] = name.split(' ');
    const isCreate = path.endsWith('sandboxes');
    const example = isCreate ? { templateID: 'base', timeout: 1 } : {};
    const route = { name, method, path, isSocket: false, example };
    return { name, path, rule, ask: (caller, to) => matrix.request(route, caller, to) };
  });
  expect(await matrix.mistakes(asked)).toEqual([]);
});

test('the token of a sandbox is given only to callers that may work in it', async () => {
  const tokenFor = async (caller: Caller) => {
    const answer = await fetch(`${matrix.server.url}/e2b/sandboxes/${matrix.shared.sid}`, {
      headers: matrix.credentials(caller),
    });
    return 'envdAccessToken' in ((await answer.json()) as object);
  };
  const got = await Promise.all(callers.map(async (caller) => ((await tokenFor(caller)) ? [caller] : [])));
  expect(got.flat()).toEqual(['user-owner', 'admin']);
});

test('no key opens what is inside of a sandbox; only its own token does', async () => {
  const { sid } = await matrix.fresh('/e2b/{sid}');
  const { envdAccessToken } = (await (
    await fetch(`${matrix.server.url}/e2b/sandboxes/${sid}`, { headers: matrix.credentials('admin') })
  ).json()) as { envdAccessToken: string };
  const paths = { '/files?path=x': 401, '/filesystem.Filesystem/Stat': 401, '/contexts': 403, '/': 403 };
  const ports: Record<string, string> = { '/contexts': '49999', '/': '3000' };
  for (const [path, refused] of Object.entries(paths)) {
    const named = { 'e2b-sandbox-id': sid, 'e2b-sandbox-port': ports[path] ?? '49983' };
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${matrix.server.url}${path}`, { headers: { ...named, ...headers } })).status;
    for (const caller of callers)
      expect([path, caller, await ask(matrix.credentials(caller))]).toEqual([path, caller, refused]);
    expect([401, 403]).not.toContain(await ask({ 'x-access-token': envdAccessToken }));
  }
});
