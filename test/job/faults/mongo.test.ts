// @module-tag nightly
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { openMongoStore } from '../../../src/storage/mongo/store.ts';
import { api, fence } from '../../support/clients/api.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { endSandboxes } from '../../support/sandboxes/ended-sandboxes.ts';
import { serverProgram } from '../../support/servers/built-server.ts';
import { needs } from '../../support/servers/components.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { mongoUrl, rawDatabase, skipMongo } from '../../support/stores/mongo.ts';
import { mongoProxy } from '../../support/stores/mongo-proxy.ts';
import { removeFolder } from '../../support/stores/store.ts';

/** Runs the real server in a process of its own. */
async function server(mongodbUrl: string, settings: Record<string, string> = { CORRAL_DRIVER: 'memory' }) {
  const folder = await mkdtemp(join(tmpdir(), 'corral-mongo-'));
  const port = await freePort();
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', serverProgram()], {
    env: { PATH, HOME, PORT: String(port), CORRAL_DATA_DIR: folder, MONGODB_URL: mongodbUrl, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const url = `http://127.0.0.1:${port}`;
  const status = async (path: string) =>
    await fetch(url + path)
      .then((answer) => answer.status)
      .catch(() => 0);
  return {
    url,
    folder,
    exit,
    status,
    output: () => output,
    becomes: (path: string, expected: number) =>
      vi.waitFor(async () => expect(await status(path), output).toBe(expected), { timeout: 15_000, interval: 50 }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await exit;
      await endSandboxes(folder);
      await removeFolder(folder);
    },
  };
}

describe.skipIf(skipMongo)('a server on MongoDB (needs TEST_MONGODB_URL)', () => {
  async function database() {
    const name = `corral_${crypto.randomUUID().slice(0, 8)}`;
    const drop = () => rawDatabase(name, (db) => db.dropDatabase()).then(() => {});
    return { name, [Symbol.asyncDispose]: drop };
  }
  const create = (url: string) =>
    fetch(`${url}/api/v1/sessions`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{}' });

  test('F061 starts without its database, names it, and connects when it appears; F062 during an outage it refuses commands and keeps the history', async () => {
    await using kept = await database();
    await using proxy = await mongoProxy(mongoUrl as string);
    await proxy.close();
    await using it = await server(proxy.url + kept.name);
    await it.becomes('/healthz', 200);
    expect(await it.status('/readyz')).toBe(503);
    const health = await fetch(`${it.url}/health`);
    expect(health.status).toBe(503);
    expect(await health.json()).toEqual({ status: 'unhealthy', detail: expect.stringContaining('waits for it') });
    const refused = await create(it.url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);

    await proxy.open();
    await it.becomes('/health', 200);
    expect((await create(it.url)).status).toBe(200);

    await proxy.close();
    const away = await create(it.url);
    expect([away.status, Number(away.headers.get('retry-after'))], it.output()).toEqual([503, expect.any(Number)]);
    expect(await it.status('/health')).toBe(503);
    await proxy.open();
    await it.becomes('/health', 200);
    const listed = (await (await fetch(`${it.url}/api/v1/sessions`)).json()) as { data: { sessions: unknown[] } };
    expect(listed.data.sessions).toHaveLength(1);
  });

  test('F062 finishes a command during a database outage and stores its outcome later; unstored messages are not acknowledged', async (context) => {
    await needs(context, 'bubblewrap');
    await using kept = await database();
    await using proxy = await mongoProxy(mongoUrl as string);
    const settings = { CORRAL_DRIVER: 'process', CORRAL_EGRESS_POLICY: 'none', CORRAL_REPLICAS_LEASE_SECONDS: '2' };
    await using it = await server(proxy.url + kept.name, settings);
    await it.becomes('/health', 200);
    const client = api(it.url);
    const id = await client.create();
    await client.chat(id, fence('sh', 'echo ready'));
    const events = async () => {
      await using store = await openMongoStore({ url: new Secret(mongoUrl as string), database: kept.name });
      return (await store.events.page(SessionId.parse(id), 0, 10_000)).events;
    };
    const lines = Array.from({ length: 30 }, (_, n) => `line ${n + 1}\n`);
    const work = 'for n in $(seq 30); do echo "line $n"; sleep 0.1; done; echo once >> ran';
    await client.send(id, fence('sh', work));
    await expect
      .poll(async () => (await events()).filter(({ type }) => type === 'tool.output').length)
      .toBeGreaterThan(1);

    await proxy.close();
    const before = await events();
    expect(before.filter(({ type }) => type === 'tool.called')).toHaveLength(1);
    await expect(client.send(id, 'Not stored')).rejects.toThrow('chat: 503');
    const hasRan = async () => (await readdir(it.folder, { recursive: true })).some((name) => name.endsWith('/ran'));
    await expect.poll(hasRan, { interval: 100 }).toBe(true); // it ended more than a lease ago
    expect(await events()).toEqual(before);

    await proxy.open();
    await it.becomes('/health', 200);
    await expect.poll(() => client.status(id).catch(() => 'away')).toBe('completed');
    const after = await events();
    expect([problemsOf(after), after.slice(0, before.length)]).toEqual([[], before]);
    const called = after.flatMap((event) => (event.type === 'tool.called' ? [event.data] : []));
    expect(called.slice(1)).toMatchObject([{ success: true, exitCode: 0, output: lines.join('') }]);
    const reply = after.flatMap((event) => (event.type === 'message.user' ? [event.data.text] : []));
    expect(reply).toHaveLength(2);
    const file = await client.ask('POST', `/${id}/file`, { file: 'ran' });
    expect(file.body.data).toMatchObject({ content: 'once\n' });
    expect((await client.remove(id)).status).toBe(200);
  });

  const { host } = new URL(mongoUrl ?? 'mongodb://127.0.0.1');
  test.for([
    [
      'a wrong password',
      `mongodb://somebody:hunter2@${host}/corral_nobody?authMechanism=SCRAM-SHA-256`,
      'MongoDB rejects the user name or the password',
    ],
    ['an invalid address', 'mongodb://some:hunter2@host:port:port/', 'MONGODB_URL is not an address'],
  ] as const)('reports %s in one clear error that does not repeat it', async ([, url, error]) => {
    await using it = await server(url);
    expect(await it.exit).toBe(1);
    expect(it.output()).toContain(error);
    expect(it.output()).not.toContain('hunter2');
  });
});
