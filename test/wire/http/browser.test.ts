import { expect } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { testServer } from '../../support/clients/http.ts';
import { rawRequest } from '../../support/clients/raw-request.ts';
import { httpTest as test } from '../../support/clients/server-tests.ts';

const base = '/api/v1/sessions';
const token = 'correct-horse';
const withToken = { config: { token: new Secret(token) } };
const ask = (port: number, method: string, path: string, headers: string[]) =>
  rawRequest(
    port,
    `${method} ${path} HTTP/1.1\r\n${[...headers, 'Content-Length: 0', 'Connection: close'].join('\r\n')}\r\n\r\n`,
  );
const statusOf = (raw: string) => Number(raw.slice(9, 12));

test('F129 an allowed host with a port admits only that port, and a server beyond loopback accepts any name', async () => {
  await using server = await testServer({ config: { allowedHosts: ['box:99'] } });
  expect(statusOf(await ask(server.port, 'GET', '/health', ['Host: box:98']))).toBe(403);
  await using open = await testServer({ config: { host: '0.0.0.0', token: new Secret(token) } });
  expect(statusOf(await ask(open.port, 'GET', '/health', ['Host: corral.example.com']))).toBe(200);
});

const foreign: [string, string[]][] = [
  ['a foreign origin', ['Origin: https://evil.example']],
  ['the origin null', ['Origin: null']],
  ['a look-alike', ['Origin: http://localhost.evil.com']],
  ['a look-alike of a listed one', ['Origin: http://localhost:3000.evil.com']],
  ['another port of this machine', ['Origin: http://127.0.0.1:9999']],
  ['a cross-site navigation', ['Sec-Fetch-Site: cross-site']],
  ['a same-site page', ['Sec-Fetch-Site: same-site']],
  ['two origins', ['Origin: http://localhost:3000, https://evil.example']],
];

test.each(foreign)(
  'F130 a page with %s opens no stream or WebSocket, with or without a token',
  async (_name, headers) => {
    for (const options of [{}, withToken]) {
      await using server = await testServer(options);
      const id = (await server.fake.sessions.create({ origin: 'sheikhbox' })).id;
      const all = [`Host: 127.0.0.1:${server.port}`, ...headers, `Authorization: Bearer ${token}`];
      expect(statusOf(await ask(server.port, 'GET', `${base}/${id}/events`, all))).toBe(403);
      const upgrade = [
        ...all,
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ];
      for (const path of [`${base}/${id}/vnc`, `/ws/${id}`, base]) {
        expect(statusOf(await ask(server.port, 'GET', path, [...upgrade])), path).toBe(403);
      }
      expect(server.streams()).toBe(0);
    }
  },
);

test('F128 without a token a page of a default origin can read why it may not change anything', async ({ server }) => {
  const page = [`Host: 127.0.0.1:${server.port}`, 'Origin: http://localhost:5173', 'Sec-Fetch-Site: same-site'];
  const refused = await ask(server.port, 'PUT', base, page);
  expect(refused).toMatch(/access-control-allow-origin: http:\/\/localhost:5173/i);
  expect(refused).toContain(
    'Pages of http://localhost:5173 may only read here. Add that origin to CORRAL_CORS_ORIGINS',
  );
});

test('without a token a page of an origin that the operator named may do what the own page may, and no other one', async () => {
  await using server = await testServer({ config: { corsOrigins: ['http://localhost:5173'] } });
  const page = [`Host: 127.0.0.1:${server.port}`, 'Sec-Fetch-Site: same-site'];
  const put = await ask(server.port, 'PUT', base, [...page, 'Origin: http://localhost:5173']);
  expect([statusOf(put), /access-control-allow-origin: (\S+)/i.exec(put)?.[1]]).toEqual([200, 'http://localhost:5173']);
  const other = await ask(server.port, 'PUT', base, [...page, 'Origin: http://localhost:3000']);
  expect(statusOf(other)).toBe(403);
  expect(other).toContain('Pages of http://localhost:3000 cannot do this. Add the origin to CORRAL_CORS_ORIGINS.');
  const forged = await ask(server.port, 'PUT', base, [...page, 'Origin: <b>"']);
  expect(forged).toContain('Pages of another origin cannot do this.');
  expect(await server.fake.sessions.list()).toHaveLength(1);
});

test("with a token a page of a default origin has the token's permissions", async () => {
  await using server = await testServer(withToken);
  const page = [`Host: 127.0.0.1:${server.port}`, 'Origin: http://localhost:5173', 'Sec-Fetch-Site: same-site'];
  const put = async (...more: string[]) => statusOf(await ask(server.port, 'PUT', base, [...page, ...more]));
  expect([await put(), await put(`Authorization: Bearer ${token}`)]).toEqual([401, 200]);
});

test('a preflight from an allowed origin is answered without token or rate limit', async () => {
  await using server = await testServer({ config: { token: new Secret(token), rateLimitPerMinute: 1 } });
  for (const path of [base, '/nothing']) {
    for (const _again of [1, 2, 3]) {
      const { status, headers, body } = await server.call('OPTIONS', path, undefined, {
        origin: 'http://localhost:5173',
        'access-control-request-method': 'PUT',
      });
      expect([status, body]).toEqual([204, '']);
      expect(Object.fromEntries(headers)).toMatchObject({
        'access-control-allow-origin': 'http://localhost:5173',
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers': 'Authorization, Content-Type, Last-Event-ID, Idempotency-Key',
        'access-control-max-age': '600',
        vary: 'Origin',
      });
    }
  }
});

test('any other OPTIONS is 204 without CORS headers', async ({ server }) => {
  const requested = [
    {},
    { origin: 'http://localhost:3000' },
    { origin: 'https://evil.example', 'access-control-request-method': 'PUT' },
  ];
  for (const headers of requested) {
    const answer = await server.call('OPTIONS', base, undefined, headers as Record<string, string>);
    expect(answer.status).toBe(204);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  }
});

test('an error also echoes an allowed origin, and never any other origin', async ({ server }) => {
  const allowed = await server.call('GET', `${base}/x`, undefined, { origin: 'http://localhost:3000' });
  expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([404, 'http://localhost:3000']);
  expect(allowed.headers.get('access-control-expose-headers')).toBe(
    'RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Idempotency-Replayed, Link',
  );
  const other = await server.call('GET', base, undefined, { origin: 'https://evil.example' });
  const expected = [200, null, 'Origin'];
  expect([other.status, other.headers.get('access-control-allow-origin'), other.headers.get('vary')]).toEqual(expected);
});

test('the access log contains the route and the session but no token', async () => {
  await using server = await testServer(withToken);
  await server.call('GET', `${base}/0123456789abcdef?a=1&token=${token}&b=2`);
  await server.call('GET', `/nothing?token=wrong-${token}`);
  const requests = () => server.lines.filter(({ text }) => text === 'request');
  await expect.poll(() => requests().length).toBe(2);
  expect(requests()[0]).toMatchObject({
    level: 'info',
    fields: {
      method: 'GET',
      route: '/api/v1/sessions/:sid',
      url: `${base}/0123456789abcdef?a=1&token=***&b=2`,
      status: 404,
      session: '0123456789abcdef',
      ms: expect.any(Number),
    },
  });
  expect(requests()[1]?.fields).toMatchObject({ route: 'unknown', status: 401, url: '/nothing?token=***' });
  expect(JSON.stringify(server.lines)).not.toContain(token);
  expect(server.requests.map(({ route }) => route)).toEqual(['/api/v1/sessions/:sid', 'unknown']);
});

test('the log and the metrics record how long each answer took', async ({ server }) => {
  server.fake.instead.pieces = async function* () {
    await new Promise((resolve) => setTimeout(resolve, 30));
    yield [];
  };
  await server.call('GET', base);
  await expect.poll(() => server.requests.length).toBe(1);
  expect(server.requests[0]?.seconds).toBeGreaterThan(0.025);
  expect(server.lines[0]?.fields.ms).toBeGreaterThan(25);
});
