import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { mongoUrl, rawDatabase, skipMongo } from '../../support/mongo.ts';
import { mongoProxy } from '../../support/mongo-proxy.ts';

/** The real server, whatever becomes of it. */
async function server(mongodbUrl: string) {
  const folder = await mkdtemp(join(tmpdir(), 'corral-mongo-'));
  const port = await freePort();
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/main.ts'], {
    env: { PATH, HOME, PORT: String(port), CORRAL_DATA_DIR: folder, CORRAL_DRIVER: 'memory', MONGODB_URL: mongodbUrl },
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
    ...{ url, exit, status, output: () => output },
    becomes: (path: string, wanted: number) =>
      vi.waitFor(async () => expect(await status(path), output).toBe(wanted), { timeout: 15_000, interval: 50 }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await exit;
      await rm(folder, { recursive: true, force: true });
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

  test('F061 starts without its database, says what it waits for, and connects when that appears; F062 when it goes again, commands are refused for now and the history stays', async () => {
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
  }, 40_000);

  test('a wrong password is one clear error that does not repeat it', async () => {
    const { host } = new URL(mongoUrl as string);
    await using it = await server(`mongodb://somebody:hunter2@${host}/corral_nobody?authMechanism=SCRAM-SHA-256`);
    expect(await it.exit).toBe(1);
    expect(it.output()).toContain('MongoDB refuses the user name or the password');
    expect(it.output()).not.toContain('hunter2');
  }, 20_000);

  test('an address that is none is one clear error that does not repeat it', async () => {
    await using it = await server('mongodb://some:hunter2@host:port:port/');
    expect(await it.exit).toBe(1);
    expect(it.output()).toContain('MONGODB_URL is not an address');
    expect(it.output()).not.toContain('hunter2');
  }, 20_000);
});
