import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type ServerProcess, serverProcess } from '../../support/server-process.ts';

// Calls every registered route as every kind of caller. The list comes from the server's own OpenAPI document, which
// another test compares with the route table. So a new route is included, and its outcome must be one of these.
const token = 'a-token-for-the-matrix-test';
const open = new Set([
  'GET /',
  'GET /health',
  'GET /healthz',
  'GET /readyz',
  'GET /api/health',
  'GET /docs',
  'GET /shared',
  'GET /redoc',
  'GET /openapi.json',
  'GET /static/{file}',
  'GET /static/index.html',
  'GET /sessions/{sid}/desktop',
]);
const withoutToken = /^GET \/api\/v1\/sessions\/(shared\/|[^/]+\/share\/files$)/; // sessions that their owner shares
const linked = /^POST \/api\/v1\/shared(\/files?)?$/; // the secret of a share link opens these
const signed = /^GET .*(\/download|\/vnc)$/; // a signed link can open these instead

interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly socket: boolean;
}
let server: ServerProcess;
let routes: Route[];

beforeAll(async () => {
  server = await serverProcess({ CORRAL_DRIVER: 'memory', CORRAL_TOKEN: token, CORRAL_RATE_LIMIT_PER_MINUTE: '0' });
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { 'x-websocket'?: boolean }>>;
  };
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, doc]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path: path.replaceAll(/\{[^}]+\}/g, '0123456789abcdef'),
      socket: doc['x-websocket'] === true,
    })),
  );
});
afterAll(() => server[Symbol.asyncDispose]());

const ask = async ({ method, path }: Route, headers: Record<string, string>) => {
  const body = method === 'GET' || method === 'DELETE' ? {} : { body: '{}' };
  const response = await fetch(`${server.url}${path}`, { method, headers, redirect: 'manual', ...body });
  await response.body?.cancel();
  return response.status;
};
/** The answer to an upgrade: 101, or the status of the refusal. */
const upgrade = ({ path }: Route, headers: Record<string, string>) => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const socket = new WebSocket(server.url.replace('http', 'ws') + path, { headers });
  socket.on('open', () => resolve(101)).on('unexpected-response', (_, { statusCode }) => resolve(statusCode ?? 0));
  socket.on('error', () => {});
  return promise.finally(() => socket.terminate());
};
const outcome = (route: Route, headers: Record<string, string>) =>
  route.socket ? upgrade(route, headers) : ask(route, headers);
const isOpen = ({ name }: Route) => open.has(name) || name.startsWith('GET /static/') || name.startsWith('GET /docs/');
const good = { authorization: `Bearer ${token}` };

async function outcomes(headers: Record<string, string>): Promise<{ route: Route; status: number }[]> {
  const all: { route: Route; status: number }[] = [];
  for (const route of routes) all.push({ route, status: await outcome(route, headers) });
  return all;
}
const named = (all: readonly { route: Route; status: number }[]) =>
  all.map(({ route, status }) => `${route.name}: ${status}`);

describe('every registered route', () => {
  test('is in the list, which has more than 80 routes', () => {
    expect(routes.length).toBeGreaterThan(80);
    expect(routes.filter(({ socket }) => socket).length).toBeGreaterThanOrEqual(4);
  });

  test('refuses a caller without a token, except on the few open routes', { timeout: 180_000 }, async () => {
    const through = (await outcomes({})).filter(({ status }) => status !== 401);
    const wrong = through.filter(
      ({ route }) =>
        !isOpen(route) && !withoutToken.test(route.name) && !linked.test(route.name) && !signed.test(route.name),
    );
    expect(named(wrong)).toEqual([]);
    const answered = through.filter(({ status }) => status >= 200 && status < 300);
    expect(named(answered.filter(({ route }) => !isOpen(route)))).toEqual([]);
  });

  test('refuses a wrong token the same way as a missing one', { timeout: 180_000 }, async () => {
    const through = (await outcomes({ authorization: 'Bearer wrong' })).filter(
      ({ status }) => status !== 401 && status !== 429,
    );
    expect(named(through.filter(({ route, status }) => status < 300 && !isOpen(route)))).toEqual([]);
  });

  test('answers a caller with the token without a 5xx, 401 or 403', { timeout: 180_000 }, async () => {
    const failed = (await outcomes(good)).filter(({ status }) => status >= 500 && status !== 503);
    expect(named(failed)).toEqual([]);
    const refused = (await outcomes(good)).filter(({ status }) => status === 401 || status === 403);
    expect(named(refused)).toEqual([]);
  });

  test('F128 F130 refuses changes and sockets from a page of another origin, even with the token', {
    timeout: 180_000,
  }, async () => {
    const foreign = await outcomes({ ...good, origin: 'http://localhost.evil.example' });
    const changed = foreign.filter(({ route, status }) => (route.method !== 'GET' || route.socket) && status !== 403);
    expect(named(changed)).toEqual([]);
  });

  test("F129 refuses a Host that is not the server's", { timeout: 180_000 }, async () => {
    const statusOf = ({ method, path }: Route) =>
      new Promise<number>((resolve, reject) => {
        const request = http.request(`${server.url}${path}`, { method, headers: { ...good, host: 'evil.example' } });
        request.on('response', (response) => resolve(response.resume().statusCode ?? 0)).on('error', reject);
        request.end();
      });
    const all: string[] = [];
    for (const route of routes.filter(({ socket }) => !socket)) {
      const status = await statusOf(route);
      if (status !== 403 && status !== 421) all.push(`${route.name}: ${status}`);
    }
    expect(all).toEqual([]);
  });
});
