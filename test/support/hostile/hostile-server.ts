import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { type CorralClient, createCorralClient } from '../../../src/client/index.ts';
import { run } from '../clients/api.ts';
import { type RealServer, realServer } from '../servers/real-server.ts';
import type { World } from '../worlds.ts';
import { actor, diskOf, type HostilePart, parts } from './hostile-daemon.ts';

export interface HostileServer extends AsyncDisposable {
  readonly real: RealServer;
  readonly corral: CorralClient;
  /** Creates a session whose sandbox runs the hostile program in the daemon's place. */
  create(part: HostilePart): Promise<string>;
  /** Starts the server again, after it has exited, with these settings for this life. */
  restart(more?: Record<string, string>): Promise<void>;
}

/**
 * A real server on real sandboxes. A session with the template of a part gets a sandbox in which a hostile program has
 * replaced the daemon; the other sessions have the honest daemon.
 */
export async function hostileServer(
  context: TestContext,
  world: World,
  settings: Record<string, string> = {},
): Promise<HostileServer> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'corral-hostile-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const config = await templatesIn(folder);
  const free = { CORRAL_MAX_SESSIONS_PER_OWNER: '0', LOG_LEVEL: 'warn' };
  const real = stack.use(await realServer(context, world, { ...config, ...free, ...settings }));
  const corral = createCorralClient({ url: real.server.url });
  stack.defer(() => corral.close());
  const daemon = join(real.server.data, 'image', 'sandboxd.mjs');

  /** The image of the honest daemon, on Docker. */
  const baseImage = async () => {
    const id = await real.ready();
    const [name = ''] = await world.running(id);
    const image = world.driver === 'docker' ? await imageOf(name) : '';
    await real.client.remove(id);
    return image;
  };
  const withActor = async () => `${actor}${await readFile(daemon, 'utf8')}`;
  const base = await baseImage();
  const image = `corral-test/hostile:${real.server.pid}`;
  if (world.driver === 'docker') {
    stack.defer(async () => void (await run('docker', ['rmi', '-f', image])));
    await buildImage(join(folder, 'image'), { base, image, daemon: await withActor() });
  }
  const own: Record<string, string> = world.driver === 'docker' ? { CORRAL_SANDBOX_IMAGE: image } : {};
  const arm = async () => {
    if (world.driver === 'docker') return;
    // A server writes the file once in its life, for its first sandbox, and starts every later one from it.
    await real.ready();
    await writeFile(daemon, await withActor());
  };
  const restart = async (more: Record<string, string> = {}) => {
    await real.server.restart({ ...own, ...more });
    await arm();
  };
  if (world.driver === 'docker') {
    real.server.kill('SIGTERM');
    await restart();
  } else await arm();

  const held = stack.move();
  return {
    real,
    corral,
    restart,
    async create(part) {
      const { body } = await real.client.ask('PUT', '', { template: part });
      return (body.data as { session_id: string }).session_id;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Writes a template for each part, and returns the setting that names their folder. */
async function templatesIn(folder: string): Promise<Record<string, string>> {
  const config = join(folder, 'corral.yaml');
  await writeFile(config, '');
  await mkdir(join(folder, 'templates'));
  for (const part of Object.keys(parts) as HostilePart[]) {
    const text = `mode: react\nsandbox: { disk: ${diskOf(part)}MiB, desktop: true }\n`;
    await writeFile(join(folder, 'templates', `${part}.yaml`), text);
  }
  return { CORRAL_CONFIG: config };
}

const imageOf = async (container: string) =>
  (await run('docker', ['inspect', '--format', '{{.Image}}', container])).stdout.replace('sha256:', '').trim();

async function buildImage(
  folder: string,
  { base, image, daemon }: { readonly base: string; readonly image: string; readonly daemon: string },
): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, 'sandboxd.mjs'), daemon, { mode: 0o644 });
  await writeFile(join(folder, 'Dockerfile'), `FROM ${base}\nCOPY sandboxd.mjs /opt/corral/sandboxd.mjs\n`);
  await run('docker', ['build', '-q', '-t', image, folder]);
}
