import { expect } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { guidePagePaths } from '../../../src/facades/guide/pages.ts';
import { testServer } from '../../support/clients/http.ts';
import { httpTest as test } from '../../support/clients/server-tests.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const unhealthy = { status: 'unhealthy', detail: 'Docker does not answer.' } as const;

test('health is 503 when no sandbox can start, but 200 when the model does not answer', async ({ server }) => {
  expect(await server.call('GET', '/health')).toMatchObject({ status: 200, body: { status: 'healthy' } });
  const fine = await server.fake.sessions.health(new AbortController().signal);
  server.fake.instead.health = async () => ({ ...fine, model: { ...unhealthy, name: 'gemini' } });
  expect((await server.call('GET', '/health')).status).toBe(200);
  server.fake.instead.health = async () => ({ ...fine, sandbox: { ...unhealthy, driver: 'docker' } });
  expect(await server.call('GET', '/health')).toMatchObject({ status: 503, body: { status: 'unhealthy' } });
  server.fake.instead.health = () => Promise.reject(new Error('password=hunter2'));
  expect(await server.call('GET', '/health')).toMatchObject({ status: 503, body: { status: 'unhealthy' } });
});

test('a server stays alive when a part fails, and is ready as long as its storage works', async ({ server }) => {
  const fine = await server.fake.sessions.health(new AbortController().signal);
  server.fake.instead.health = async () => ({ ...fine, sandbox: { ...unhealthy, driver: 'kubernetes' } });
  expect(await server.call('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'healthy' } });
  server.fake.instead.health = async () => ({ ...fine, storage: unhealthy });
  expect(await server.call('GET', '/readyz')).toMatchObject({ status: 503, body: { status: 'unhealthy' } });
  const expected = { status: 200, body: { status: 'alive', draining: false } };
  expect(await server.call('GET', '/healthz')).toMatchObject(expected);
});

test('health gives up a check that hangs, and answers', async ({ server }) => {
  let gaveUp = false;
  server.fake.instead.health = (signal) => {
    signal.addEventListener('abort', () => {
      gaveUp = true;
    });
    return new Promise(() => {});
  };
  expect(await server.call('GET', '/health')).toMatchObject({ status: 503, body: { status: 'unhealthy' } });
  expect(gaveUp).toBe(true);
});

test('detailed health shows the state of each part, since when, and the load', async () => {
  const clock = manualClock(1_735_689_600_000);
  await using server = await testServer({ clock, own: true });
  const fine = await server.fake.sessions.health(new AbortController().signal);
  server.fake.instead.health = async () => ({
    ...fine,
    sandbox: { ...unhealthy, driver: 'docker' },
    sessions: { total: 3, running: 1, waiting: 1 },
  });
  clock.advance(12_500);
  const { status, body } = await server.call('GET', '/health/detailed');
  expect(status).toBe(503);
  expect(body).toEqual({
    status: 'unhealthy',
    timestamp: '2025-01-01T00:00:12.500Z',
    version: '1.2.3',
    uptime_seconds: 12.5,
    checks: {
      storage: { status: 'healthy' },
      sandbox: { ...unhealthy, driver: 'docker' },
      model: { status: 'healthy', name: 'demo' },
    },
    draining: false,
    sessions: { total: 3, running: 1, waiting: 1 },
  });
});

test('metrics are plain text and require the token', async () => {
  await using server = await testServer({ config: { token: new Secret('t') } });
  expect((await server.call('GET', '/metrics')).status).toBe(401);
  const { status, headers, body } = await server.call('GET', '/metrics?token=t');
  expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  expect(body).toBe('corral_streams_open{transport="sse"} 0\n');
});

test.each([
  '/api/v1/sessions?next=/health',
  '/api/v1/sessions?next=/api/v1/sessions/shared/a',
  '/api/v1/sessions?next=/api/v1/files/a/download&signature=v1_x',
  '/api/v1/sessions/a/events?from=/api/v1/signed/a',
  '/metrics?/health',
  '/metrics;/health',
  '/health/../metrics',
  '/api/v1/sessions%2fshared%2fa',
])('%s requires the token, though it contains the path of what is public', async (path) => {
  await using server = await testServer({ config: { token: new Secret('t') } });
  expect((await server.call('GET', path)).status).toBe(401);
});

test("the root answers with the server's name, version and status", async ({ server }) => {
  expect((await server.call('GET', '/')).body).toEqual({ name: 'corral', version: '1.2.3', status: 'running' });
});

test('a browser gets the web client and all its files from the root, with a policy that blocks everything else', async () => {
  await using server = await testServer({ config: { token: new Secret('t') } });
  const page = await server.call('GET', '/', undefined, { accept: 'text/html,*/*' });
  const expected = [200, 'text/html; charset=utf-8', 'Origin, Accept, Accept-Encoding'];
  expect([page.status, page.headers.get('content-type'), page.headers.get('vary')]).toEqual(expected);
  expect((await server.call('GET', '/static/index.html')).body).toBe(page.body);
  const links = [...(page.body as string).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1] as string);
  expect(links.length).toBeGreaterThan(2);
  const seen = new Set<string>();
  for (const link of links) await reachable(link);
  expect([...seen].filter((name) => /part-[A-Z0-9]{8}[.]js$/.test(name)).length).toBeGreaterThan(0);

  async function reachable(link: string) {
    if (seen.has(link)) return;
    seen.add(link);
    const { status, headers, body } = await server.call('GET', link);
    expect(status, link).toBe(200);
    expect(headers.get('content-security-policy'), link).toContain("default-src 'none'; script-src 'self'");
    const imports = [...(body as string).matchAll(/"\.\/(part-[A-Z0-9]+\.js)"/g)];
    for (const [, name] of imports) await reachable(`/static/${name}`);
  }
});

test('every registered route is in the OpenAPI document, with a unique name and its answers', async ({ server }) => {
  const { body: document } = await server.call('GET', '/openapi.json');
  expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Corral', version: '1.2.3' } });
  const [own, others] = document['x-tagGroups'];
  expect(document.tags.map(({ name }: { name: string }) => name)).toEqual([...own.tags, ...others.tags]);
  expect(others.tags.toSorted()).toEqual(['CambioML', 'Crogia', 'SheikhBox']);
  const operations: Record<string, Operation> = {};
  for (const [path, methods] of Object.entries(document.paths as Record<string, Record<string, Operation>>)) {
    for (const [method, operation] of Object.entries(methods))
      operations[`${method.toUpperCase()} ${path}`] = operation;
  }
  const named = Object.values(operations).map(({ operationId }) => operationId);
  expect(new Set(named).size).toBe(named.length);
  for (const [name, { tags, summary, responses, parameters = [] }] of Object.entries(operations)) {
    expect(tags, name).toHaveLength(1);
    expect(summary.length, name).toBeGreaterThan(5);
    expect(Object.keys(responses), name).toContain('default');
    expect(
      // with nothing, or a part
      Object.keys(responses).filter((status) => /^(101|2..)$/.test(status) && !['202', '206'].includes(status)),
      name,
    ).toHaveLength(1);
    for (const place of name.matchAll(/\{(\w+)\}/g))
      expect(parameters, name).toContainEqual(expect.objectContaining({ name: place[1], in: 'path', required: true }));
  }
});
interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  responses: Record<string, unknown>;
  parameters?: object[];
}

test('the OpenAPI document describes bodies, streams, headers and failures', async ({ server }) => {
  const { paths } = (await server.call('GET', '/openapi.json')).body;
  const chat = paths['/api/v1/sessions/{sid}/chat'].post;
  expect(Object.keys(chat.responses)).toEqual('200 400 401 403 404 409 413 429 431 500 503 default'.split(' '));
  expect(chat.responses[200].content['text/event-stream'].example).toMatch(/^: connected\n\nid: 3\nevent: title\n/);
  expect(chat.requestBody.required).toBe(false);
  const expected = { type: 'integer', minimum: 0 };
  expect(chat.requestBody.content['application/json'].schema.properties.timestamp.anyOf[0]).toMatchObject(expected);
  expect(chat.parameters.map(({ name }: { name: string }) => name)).toEqual([
    'sid',
    'Idempotency-Key',
    'Last-Event-ID',
  ]);
  const list = paths['/api/v1/sessions'].get.responses[200].content['application/json'];
  expect(list.schema.properties.data.properties.sessions.items.properties.latest_message_at).toMatchObject({
    type: 'integer',
  });
  expect(list.example.data.sessions[0].unread_message_count).toBe(0);
  const responseTo = (path: string) => paths[path].get.parameters.map(({ name }: { name: string }) => name);
  expect(responseTo('/ws/{sid}')).toEqual(['sid', 'after_seq', 'profile', 'token']);
  expect(paths['/ws/{sid}'].get['x-websocket']).toBe(true);
  expect(responseTo('/api/v1/sessions/{sid}/vnc')).toEqual(expect.arrayContaining(['token', 'signature']));
  for (const panel of ['shell', 'file']) {
    const { content } = paths[`/api/v1/sessions/{sid}/${panel}`].post.responses[200];
    expect(Object.keys(content)).toEqual(['application/json', 'text/event-stream']);
    expect(content['text/event-stream'].example).toMatch(`: connected\n\nevent: ${panel}\ndata: {`);
  }
  expect(paths['/api/v1/sessions/{sid}/events'].get.parameters).toContainEqual(
    expect.objectContaining({ name: 'last_event_id', in: 'query', required: false }),
  );
});

test.each([
  ['/docs', 4],
  ['/redoc', 3],
])('%s loads without internet access', async (path, files) => {
  await using server = await testServer();
  const { status, headers, body } = await server.call('GET', path);
  expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(headers.get('content-security-policy')).toContain("script-src 'self'");
  const links = [...(body as string).matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] as string);
  expect(links).toHaveLength(files);
  for (const link of links) {
    expect(link).toMatch(/^\/docs\/assets\//);
    const asset = await server.call('GET', link);
    expect(asset.status, link).toBe(200);
    expect(asset.headers.get('x-content-type-options')).toBe('nosniff');
    expect(asset.body).not.toContain('cdn.redoc.ly');
  }
});

test('each API answer reports the remaining requests; over the limit it is 429 until the minute ends', async () => {
  const clock = manualClock(1_700_000_040_000);
  await using server = await testServer({ clock, config: { rateLimitPerMinute: 3 } });
  const limits = ({ headers }: { headers: Headers }) =>
    ['limit', 'remaining', 'reset'].map((name) => headers.get(`ratelimit-${name}`));
  expect(limits(await server.call('PUT', '/api/v1/sessions'))).toEqual(['3', '2', '60']);
  clock.advance(15_500);
  expect(limits(await server.call('GET', '/api/v1/sessions/nobody'))).toEqual(['3', '1', '45']);
  expect(limits(await server.call('GET', '/nothing'))).toEqual(['3', '0', '45']);
  const over = await server.call('GET', '/api/v1/sessions');
  expect([over.status, over.headers.get('retry-after'), over.body.code]).toEqual([429, '45', 429]);
  expect(await server.call('GET', '/nothing')).toMatchObject({ status: 429, body: { detail: expect.any(String) } });
  for (const path of ['/', '/health', '/health/detailed', '/metrics', '/docs', '/openapi.json']) {
    const free = await server.call('GET', path);
    expect([free.status, ...limits(free)], path).toEqual([200, null, null, null]);
  }
  clock.advance(45_000);
  expect((await server.call('GET', '/api/v1/sessions')).status).toBe(200);
});

test('F104 each of ten thousand callers over the limit gets 429 for a minute', { tags: ['all'] }, async () => {
  const clock = manualClock(1_700_000_040_000);
  await using server = await testServer({ clock, config: { rateLimitPerMinute: 1 } });
  const from = (n: number) =>
    server.app.inject({
      url: '/api/v1/sessions',
      headers: { host: 'localhost' },
      remoteAddress: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
    });
  for (let n = 0; n < 10_000; n++) expect((await from(n)).statusCode).toBe(200);
  for (const n of [0, 5_000, 9_999]) {
    const { statusCode, headers } = await from(n);
    expect([statusCode, headers['retry-after']]).toEqual([429, '60']);
  }
  expect([(await from(10_000)).statusCode, (await from(10_001)).statusCode]).toEqual([200, 429]);
  clock.advance(60_000);
  expect((await from(10_001)).statusCode).toBe(200);
});

test('without a rate limit answers carry no counts', async () => {
  await using server = await testServer({ config: { rateLimitPerMinute: 0 } });
  expect((await server.call('GET', '/api/v1/sessions')).headers.has('ratelimit-limit')).toBe(false);
});

test('the guide opens without a token, with every page, and runs no script but its own and asks no other host', async () => {
  await using server = await testServer({ config: { token: new Secret('a-token-of-the-guide') } });
  for (const path of ['/guide', '/guide/guide.css', ...[...guidePagePaths].map((one) => `/guide/${one}`)]) {
    const { status, headers, body } = await server.call('GET', path);
    expect(status, path).toBe(200);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self';/,
    );
    const scripts = String(body).match(/<script[^>]*>[^<]*/g) ?? [];
    for (const script of scripts) expect(script, path).toMatch(/^<script [^>]*src="\/guide\/guide[.]js"[^>]*>$/);
  }
});

test('a file or page that is not one of those is 404, also outside of their folders', async ({ server }) => {
  const files = ['app.ts', '..%2fmain.ts', '%2e%2e%2fmain.ts', 'constructor', 'x'.repeat(4_000)];
  const pages = ['nothing', '..%2fpackage', 'how-to/..%2f..%2f..%2fREADME'];
  for (const path of [
    ...files.map((name) => `/static/${name}`),
    ...pages.map((name) => `/guide/${name}`),
    ...['/docs/assets/package.json', '/docs/assets/..%2fpackage.json'],
  ])
    expect((await server.call('GET', path)).status, path).toBe(404);
});
