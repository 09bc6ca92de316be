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

  async function ask(method: string, route: string, path: string, body?: object): Promise<void> {
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

  await ask('GET', '/health', '/health');
  await ask('GET', '/usage', '/usage');
  await ask('PUT', '/files/content', '/files/content?path=a/b.txt', { some: 'bytes' });
  await ask('GET', '/files/content', '/files/content?path=a/b.txt');
  await ask('GET', '/files/content', '/files/content?path=../x');
  await ask('GET', '/files/stream', '/files/stream?path=a/b.txt&from=1&most=2');
  await ask('PUT', '/files/stream', '/files/stream?path=a/b.txt&replaces=none');
  await ask('GET', '/files/list', '/files/list?path=.');
  await ask('GET', '/files/find', '/files/find?path=.&glob=*.txt&type=*.txt&type=*.md');
  await ask('GET', '/files/grep', '/files/grep?path=.&regex=bytes');
  await ask('GET', '/files/grep', '/files/grep?path=.&regex=(');
  await ask('DELETE', '/files/content', '/files/content?path=a');
  await ask('DELETE', '/files/content', '/files/content?path=a');
  await ask('POST', '/operations', '/operations', {
    id: 'x',
    shell: 's',
    command: 'sleep 9',
    tag: 't',
    timeoutMs: 9_000,
  });
  await ask('POST', '/operations', '/operations', { id: 'y', shell: 's', command: 'true' });
  await ask('POST', '/operations', '/operations', { id: 'y' });
  await ask('GET', '/processes', '/processes');
  await ask('POST', '/processes/{pid}/signal', '/processes/9/signal', { signal: 'SIGTERM' });
  await ask('POST', '/shells/{id}/input', '/shells/s/input', { text: 'hi\n' });
  await ask('GET', '/shells/{id}', '/shells/s');
  await ask('GET', '/shells/{id}', '/shells/none');
  await ask('POST', '/shells/{id}/kill', '/shells/s/kill');
  await ask('GET', '/operations/{id}', '/operations/x');
  await ask('GET', '/operations/{id}', '/operations/none');
  await ask('GET', '/operations/{id}/output', '/operations/x/output');
  await ask('POST', '/kill', '/kill?shell=s&shell=none&chars=100', { tag: 'none' });
  await ask('POST', '/exec', '/exec', { command: 'cat', stdin: 'x', timeoutMs: 1_000 });
  await ask('POST', '/terminals', '/terminals', { id: 't' });
  await ask('POST', '/terminals', '/terminals', { id: '../t' });
  await ask('GET', '/terminals', '/terminals');
  await ask('POST', '/terminals/{id}/input', '/terminals/t/input', { text: 'hi' });
  await ask('POST', '/terminals/{id}/size', '/terminals/t/size', { cols: 100, rows: 30 });
  await ask('POST', '/terminals/{id}/size', '/terminals/t/size', { cols: 0, rows: 30 });
  await ask('GET', '/terminals/{id}/stream', '/terminals/t/stream');
  await ask('GET', '/terminals/{id}/keyboard', '/terminals/t/keyboard'); // 400 without the protocol
  await ask('DELETE', '/terminals/{id}', '/terminals/t');
  await ask('DELETE', '/terminals/{id}', '/terminals/t');
  await ask('POST', '/programs', '/programs', { id: 'p', argv: ['cat', '-n'], cwd: '.', env: ['A=b'], tag: 't' });
  await ask('POST', '/programs', '/programs', { id: 'p', argv: 'cat' });
  await ask('GET', '/programs', '/programs');
  await ask('GET', '/programs/{id}/stream', '/programs/p/stream');
  await ask('POST', '/programs/{id}/signal', '/programs/p/signal', { signal: 'SIGTERM' });
  await ask('DELETE', '/programs/{id}', '/programs/p');
  await ask('POST', '/jobs', '/jobs', { id: 'j', argv: ['cat'], env: ['A=b'], label: 'l', input: false });
  await ask('POST', '/jobs', '/jobs', { id: 'j', argv: [] });
  await ask('GET', '/jobs', '/jobs');
  await ask('GET', '/jobs/{id}/stream', '/jobs/j/stream');
  await ask('POST', '/jobs/{id}/input', '/jobs/j/input');
  await ask('DELETE', '/jobs/{id}/input', '/jobs/j/input');
  await ask('POST', '/jobs/{id}/size', '/jobs/j/size', { cols: 80, rows: 24 });
  await ask('POST', '/jobs/{id}/signal', '/jobs/j/signal', { signal: 'SIGKILL' });
  await ask('GET', '/paths/entry', '/paths/entry?path=/tmp');
  await ask('DELETE', '/paths/entry', '/paths/entry?path=/tmp/x');
  await ask('GET', '/paths/list', '/paths/list?path=~&depth=2');
  await ask('POST', '/paths/folder', '/paths/folder', { path: '/tmp/x' });
  await ask('POST', '/paths/move', '/paths/move', { from: 'a', to: 'b' });
  await ask('GET', '/paths/content', '/paths/content?path=/tmp/x&from=1&most=2');
  await ask('PUT', '/paths/content', '/paths/content?path=/tmp/x');
  await ask('POST', '/workspace/kept', '/workspace/kept', { run: 'r', at: 1 });
  await ask('GET', '/workspace/print', '/workspace/print');
  await ask('POST', '/watches', '/watches', { path: '.', recursive: true, entries: false });
  await ask('GET', '/watches/{id}/changes', '/watches/w/changes');
  await ask('GET', '/watches/{id}/stream', '/watches/w/stream');
  await ask('DELETE', '/watches/{id}', '/watches/w');
  await ask('GET', '/ports', '/ports');
  await ask('GET', '/ports/{port}/stream', '/ports/80/stream');
  for (const name of ['status', 'screenshot', 'pointer', 'vnc', 'watch', 'cdp'])
    await ask('GET', `/desktop/${name}`, `/desktop/${name}`);
  for (const name of ['start', 'stop', 'browser/restart']) await ask('POST', `/desktop/${name}`, `/desktop/${name}`);
  await ask('POST', '/desktop/act', '/desktop/act', { kind: 'key', keys: 'ctrl+l' });
  expect([...seen].sort()).toEqual(daemonRoutes.map(({ method, path }) => `${method} ${path}`).sort());
});
