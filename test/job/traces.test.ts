// @module-tag all
import { json } from 'node:stream/consumers';
import { afterEach, expect, test, vi } from 'vitest';
import { fence } from '../support/clients/api.ts';
import { followEvents, openClient } from '../support/clients/trpc.ts';
import { composedServer } from '../support/servers/composed.ts';
import { httpServer } from '../support/servers/http-server.ts';
import { serverProcess } from '../support/servers/server-process.ts';

interface Span {
  readonly [key: string]: unknown;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}
afterEach(() => void vi.unstubAllEnvs());

async function receiver(status = 200) {
  const requests: { path: string; headers: Record<string, unknown>; body: never }[] = [];
  const server = await httpServer(async (request, response) => {
    requests.push({ path: request.url ?? '', headers: request.headers, body: (await json(request)) as never });
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  });
  type Body = { resourceSpans: { resource: object; scopeSpans: { spans: Span[] }[] }[] };
  return {
    requests,
    ...server,
    spans: () =>
      requests.flatMap(({ body }) =>
        (body as Body).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
  };
}

async function ran(url: string, ...texts: readonly string[]): Promise<string> {
  using client = openClient(url, 'ws');
  const { id } = await client.sessions.create.mutate();
  const following = followEvents(client, { sessionId: id, lastEventId: '0' });
  for (const [n, text] of texts.entries()) {
    await client.runs.send.mutate({ sessionId: id, text });
    const ends = () => following.items.filter(({ type }) => type === 'run.end').length;
    await expect.poll(ends).toBe(n + 1);
  }
  return id;
}

test('the standard variables make the runs of a session one trace with the names of the conventions', async () => {
  await using collector = await receiver();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-team=farm%20one');
  vi.stubEnv('OTEL_SERVICE_NAME', 'barn');
  await using server = await composedServer();
  const id = await ran(server.url, fence('sh', 'echo hi'), 'Say hi');
  const tops = () => collector.spans().filter(({ name }) => name === 'invoke_agent default');
  await expect.poll(() => tops().length).toBe(2);
  const spans = collector.spans();
  const [session] = spans.filter(({ name }) => name === 'create_agent default');
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(tops().map(({ parentSpanId }) => parentSpanId)).toEqual([session?.spanId, session?.spanId]);
  const [first] = tops();
  const below = spans.filter(({ parentSpanId }) => parentSpanId === first?.spanId).map(({ name }) => name);
  expect(below).toContain('execute_tool shell_exec');
  expect(below.filter((name) => name.startsWith('chat '))).not.toEqual([]);
  expect(below).toContain('start sandbox');
  expect(first?.attributes).toContainEqual({ key: 'gen_ai.conversation.id', value: { stringValue: id } });
  expect(collector.requests[0]).toMatchObject({ path: '/v1/traces', headers: { 'x-team': 'farm one' } });
  expect(JSON.stringify(collector.requests[0]?.body)).toContain('"service.name","value":{"stringValue":"barn"}');
  expect(JSON.stringify(spans)).not.toContain('echo hi');
});

test('a receiver that refuses costs the traces and nothing else, and is reported once', async () => {
  await using collector = await receiver(500);
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  await using server = await composedServer();
  await ran(server.url, 'Say hi', 'Say hi again');
  const reported = () => server.lines.filter(({ text }) => text.startsWith('traces are lost'));
  await expect.poll(() => reported().length).toBe(1);
});

test.each([
  ['nothing is configured', {}],
  ['the exporter is none', { OTEL_TRACES_EXPORTER: 'none' }],
  ['the SDK is disabled', { OTEL_SDK_DISABLED: 'true' }],
])('no trace is sent when %s', async (_name, variables) => {
  await using collector = await receiver();
  const endpoint = Object.keys(variables).length > 0 ? { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } : {};
  for (const [name, value] of Object.entries({ ...variables, ...endpoint })) vi.stubEnv(name, value);
  {
    await using server = await composedServer();
    await ran(server.url, 'Say hi');
  }
  expect(collector.requests).toEqual([]);
});

test('an SDK that is loaded before the server gets the spans of a run', { tags: ['nightly'] }, async () => {
  await using collector = await receiver();
  const telemetry = new URL('../support/servers/telemetry.mjs', import.meta.url).pathname;
  await using server = await serverProcess({
    CORRAL_DRIVER: 'memory',
    NODE_OPTIONS: `--import ${telemetry}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  });
  const id = await ran(server.url, fence('sh', 'echo hi'));
  const named = (name: string) => collector.spans().filter((span) => span.name === name);
  await expect.poll(() => named('invoke_agent default').length).toBe(1);
  const [top] = named('invoke_agent default');
  const [tool] = named('execute_tool shell_exec');
  expect(tool).toMatchObject({ traceId: top?.traceId, parentSpanId: top?.spanId });
  expect(top?.attributes).toContainEqual({ key: 'gen_ai.conversation.id', value: { stringValue: id } });
  // Both exporters know this endpoint. Only the SDK's own one names itself.
  expect(collector.requests.map(({ headers }) => headers['user-agent'])).toSatisfy((agents: string[]) =>
    agents.every((agent) => /OTel-OTLP-Exporter-JavaScript/.test(agent)),
  );
});
