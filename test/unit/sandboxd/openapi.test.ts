import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { daemonRoutes } from '../../../sandbox-images/sandboxd/server/routes.ts';
import { daemonVersion } from '../../../sandbox-images/sandboxd/version.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { memoryDaemon } from '../../support/memory-driver/daemon.ts';

interface Body {
  readonly content?: Record<string, { readonly schema?: object }>;
}
interface Document {
  readonly info: { readonly version: string };
  readonly paths: Record<string, Record<string, { requestBody?: Body; responses: Record<string, Body> }>>;
  readonly components: { readonly schemas: Record<string, object> };
}
const document: Document = JSON.parse(await readFile('docs/sandboxd.openapi.json', 'utf8'));

/** A validator for a schema of the document; its references resolve in the document's components. */
function schema(part: object): z.ZodType {
  const local = (value: object) => JSON.parse(JSON.stringify(value).replaceAll('#/components/schemas/', '#/$defs/'));
  return z.fromJSONSchema({ ...local(part), $defs: local(document.components.schemas) });
}

/** The documented path of a request's path. */
const routeOf = (path: string) =>
  Object.keys(document.paths).find((route) =>
    new RegExp(`^${route.replaceAll(/\{\w+\}/g, '[^/]+')}([?]|$)`).test(path),
  ) ?? path;
/** Requests without a body. */
const lines = (...all: readonly string[]) => all.map((line) => [line] as const);

test('the document has exactly the routes of the daemon, and its version', () => {
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(documented.sort()).toEqual(daemonRoutes.map(({ method, path }) => `${method} ${path}`).sort());
  expect(document.info.version).toBe(daemonVersion);
});

test('every request and answer is as documented', async () => {
  const daemon = memoryDaemon({ clock: systemClock, token: 't', workdir: '/workspace' });
  const agent = new Agent();
  agent.createConnection = () => daemon.connect();
  onTestFinished(() => daemon.close());
  const seen = new Set<string>();

  async function ask(line: string, body?: object): Promise<void> {
    const [method = '', path = ''] = line.split(' ');
    const route = routeOf(path);
    const { promise, resolve, reject } = Promise.withResolvers<{ status: string; type: string; answer: unknown }>();
    const outgoing = request({ agent, method, path, headers: { authorization: 'Bearer t' } }, async (response) => {
      const type = response.headers['content-type'] ?? '';
      const answer = type === 'application/json' ? await json(response) : void response.resume();
      resolve({ status: String(response.statusCode), type, answer });
    });
    outgoing.on('error', reject).end(body && JSON.stringify(body));
    const { status, type, answer } = await promise;
    const operation = document.paths[route]?.[method.toLowerCase()];
    const expected = operation?.requestBody?.content?.['application/json']?.schema;
    if (expected && status === '200') expect(schema(expected).safeParse(body).error, `${route} body`).toBeUndefined();
    const described = operation?.responses[status];
    expect(described, `${method} ${route} answered ${status}: ${JSON.stringify(answer)}`).toBeDefined();
    const content = described?.content?.[type];
    if (type !== '') expect(content, `${method} ${route} ${type}`).toBeDefined();
    if (content?.schema) expect(schema(content.schema).safeParse(answer).error, `${method} ${route}`).toBeUndefined();
    seen.add(`${method} ${route}`);
  }

  const requests: readonly (readonly [string, object?])[] = [
    ...lines('GET /health', 'GET /usage'),
    ['PUT /files/content?path=a/b.txt', { some: 'bytes' }],
    ...lines('GET /files/content?path=a/b.txt', 'GET /files/content?path=../x'),
    ...lines('GET /files/stream?path=a/b.txt&from=1&most=2', 'PUT /files/stream?path=a/b.txt&replaces=none'),
    ...lines('GET /files/list?path=.', 'GET /files/find?path=.&glob=*.txt&type=*.txt&type=*.md'),
    ...lines('GET /files/grep?path=.&regex=bytes', 'GET /files/grep?path=.&regex=('),
    ...lines('DELETE /files/content?path=a', 'DELETE /files/content?path=a'),
    ['POST /operations', { id: 'x', shell: 's', command: 'sleep 9', tag: 't', timeoutMs: 9_000 }],
    ['POST /operations', { id: 'y', shell: 's', command: 'true' }],
    ['POST /operations', { id: 'y' }],
    ...lines('GET /processes'),
    ['POST /processes/9/signal', { signal: 'SIGTERM' }],
    ['POST /shells/s/input', { text: 'hi\n' }],
    ...lines('GET /shells/s', 'GET /shells/none', 'POST /shells/s/kill'),
    ...lines('GET /operations/x', 'GET /operations/none', 'GET /operations/x/output'),
    ['POST /kill?shell=s&shell=none&chars=100', { tag: 'none' }],
    ['POST /exec', { command: 'cat', stdin: 'x', timeoutMs: 1_000 }],
    ['POST /terminals', { id: 't' }],
    ['POST /terminals', { id: '../t' }],
    ...lines('GET /terminals'),
    ['POST /terminals/t/input', { text: 'hi' }],
    ['POST /terminals/t/size', { cols: 100, rows: 30 }],
    ['POST /terminals/t/size', { cols: 0, rows: 30 }],
    ...lines('GET /terminals/t/stream', 'GET /terminals/t/keyboard'), // 400 without the protocol
    ...lines('DELETE /terminals/t', 'DELETE /terminals/t'),
    ['POST /programs', { id: 'p', argv: ['cat', '-n'], cwd: '.', env: ['A=b'], tag: 't' }],
    ['POST /programs', { id: 'p', argv: 'cat' }],
    ...lines('GET /programs', 'GET /programs/p/stream'),
    ['POST /programs/p/signal', { signal: 'SIGTERM' }],
    ...lines('DELETE /programs/p'),
    ['POST /jobs', { id: 'j', argv: ['cat'], env: ['A=b'], label: 'l', input: false }],
    ['POST /jobs', { id: 'j', argv: [] }],
    ...lines('GET /jobs', 'GET /jobs/j/stream', 'POST /jobs/j/input', 'DELETE /jobs/j/input'),
    ['POST /jobs/j/size', { cols: 80, rows: 24 }],
    ['POST /jobs/j/signal', { signal: 'SIGKILL' }],
    ...lines('GET /paths/entry?path=/tmp', 'DELETE /paths/entry?path=/tmp/x', 'GET /paths/list?path=~&depth=2'),
    ['POST /paths/folder', { path: '/tmp/x' }],
    ['POST /paths/move', { from: 'a', to: 'b' }],
    ...lines('GET /paths/content?path=/tmp/x&from=1&most=2', 'PUT /paths/content?path=/tmp/x'),
    ['POST /workspace/kept', { run: 'r', at: 1 }],
    ...lines('GET /workspace/print'),
    ['POST /watches', { path: '.', recursive: true, entries: false }],
    ...lines('GET /watches/w/changes', 'GET /watches/w/stream', 'DELETE /watches/w'),
    ...lines('GET /ports', 'GET /ports/80/stream'),
    ...['status', 'screenshot', 'pointer', 'vnc', 'watch', 'cdp'].flatMap((name) => lines(`GET /desktop/${name}`)),
    ...['start', 'stop', 'browser/restart'].flatMap((name) => lines(`POST /desktop/${name}`)),
    ['POST /desktop/act', { kind: 'key', keys: 'ctrl+l' }],
  ];
  for (const [line, body] of requests) await ask(line, body);
  expect([...seen].sort()).toEqual(daemonRoutes.map(({ method, path }) => `${method} ${path}`).sort());
});
