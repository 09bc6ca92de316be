import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test as base } from 'vitest';
import { Corral } from '../../src/client/index.ts';
import { onFailureTell } from './runner/on-failure.ts';
import { type ServerProcess, serverProcess } from './servers/server-process.ts';
import { temporaryFolder } from './stores/store.ts';

const admin = 'ma_the-token-of-the-shared-server';
/** The template whose file_write needs an approval. */
export const careful = 'careful';

/** The server that a worker's tests share: processes as sandboxes. Each test has its own owner. */
async function sharedServer() {
  await using stack = new AsyncDisposableStack();
  const settings = stack.use(temporaryFolder()).path;
  mkdirSync(join(settings, 'templates'));
  writeFileSync(join(settings, 'corral.yaml'), '');
  writeFileSync(join(settings, `templates/${careful}.yaml`), 'approvals:\n  tools: [file_write]\n');
  const server = stack.use(
    await serverProcess({
      CORRAL_CONFIG: join(settings, 'corral.yaml'),
      CORRAL_DRIVER: 'process',
      CORRAL_TOKEN: admin,
      CORRAL_EGRESS_POLICY: 'none',
      CORRAL_RATE_LIMIT_PER_MINUTE: '0',
    }),
  );
  const held = stack.move();
  return { ...server, adminEnv: envOf(server, admin), stop: () => held.disposeAsync() };
}

/** The environment in which `corral` speaks to the server. */
const envOf = ({ url }: ServerProcess, token: string) => ({ CORRAL_URL: url, CORRAL_TOKEN: token });

async function newOwner(server: ServerProcess) {
  using keys = new Corral({ url: server.url, token: admin }).api;
  const { key: token } = await keys.keys.create.mutate({ name: 'a test', role: 'user' });
  const corral = new Corral({ url: server.url, token });
  return {
    token,
    corral,
    env: envOf(server, token),
    async removeAll(): Promise<void> {
      const ids = (await Array.fromAsync(corral.list({ limit: 100 }))).map(({ id }) => id);
      await Promise.all(ids.map((id) => corral.api.sessions.delete.mutate({ id }).catch(() => {})));
      corral.api.close();
    },
  };
}
export type Owner = Awaited<ReturnType<typeof newOwner>>;

/** Tests of a person's work. Their files need bubblewrap, because a server without isolation has one owner. */
export const test = base
  .extend(
    'server',
    { scope: 'worker' }, // biome-ignore lint/correctness/noEmptyPattern: Vitest reads which fixtures this one needs
    async ({}, { onCleanup }) => {
      const server = await sharedServer();
      onCleanup(server.stop);
      return server;
    },
  )
  /** Shared by the tests of a file that can use a sandbox of another test. */
  .extend('crew', { scope: 'file' }, async ({ server }, { onCleanup }) => {
    const owner = await newOwner(server);
    onCleanup(owner.removeAll);
    return { ...owner, box: await owner.corral.create({ title: 'A box' }) };
  })
  .extend('owner', async ({ server }, { onCleanup }) => {
    onFailureTell('the shared server’s output', () => server.output());
    const owner = await newOwner(server);
    onCleanup(owner.removeAll);
    return owner;
  });
