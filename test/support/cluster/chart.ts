import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { removeFolder } from '../stores/store.ts';
import { clusterEnv, helm, kubectl, load } from './cluster.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
export const chart = join(root, 'helm');
const build = async (...args: string[]) =>
  void (await execute('docker', ['build', '--quiet', '--network', 'host', ...args], {
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
    timeout: 580_000,
    maxBuffer: 2 ** 26,
  }));
const isBuilt = (image: string) =>
  execute('docker', ['image', 'inspect', image]).then(
    () => true,
    () => false,
  );

/** The server's image, built from the current tree. */
export async function serverImage(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of ['Dockerfile', 'package-lock.json', 'src', 'machines', 'drivers', 'sandbox-images', 'scripts']) {
    for (const file of await filesIn(join(root, name))) hash.update(file).update(await readFile(file));
  }
  const image = `corral-test/server:${hash.digest('hex').slice(0, 12)}`;
  if (!(await isBuilt(image))) await build('--tag', image, root);
  return image;
}

async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (!entries) return [path];
  const files = entries.filter((it) => it.isFile() && it.name !== 'sandboxd.mjs'); // the build creates it
  return files.map((it) => join(it.parentPath, it.name)).sort();
}

/**
 * An image of a server that speaks MongoDB's protocol, made from a static program; undefined where the machine lacks it.
 */
export async function mongoImage(): Promise<string | undefined> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const program = join(cache, 'corral-setup/mongo-wire');
  const folder = await mkdtemp(join(tmpdir(), 'corral-mongo-image-'));
  try {
    await copyFile(program, join(folder, 'mongo-wire'));
    const dockerfile = 'FROM scratch\nCOPY mongo-wire /mongo-wire\nENTRYPOINT ["/mongo-wire"]\n';
    await writeFile(join(folder, 'Dockerfile'), dockerfile);
    const image = 'corral-test/mongo:1';
    await build('--tag', image, folder);
    return image;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    await removeFolder(folder);
  }
}

export interface Images {
  readonly server: string;
  readonly mongo: string;
  readonly sandbox: string;
}

/** Values for a cluster of one small node that cannot pull images. */
export function testValues({ server, mongo, sandbox }: Images): object {
  const [, repository, tag] = /^(.*):([^:]*)$/.exec(server) ?? [];
  return {
    image: { repository, tag, pullPolicy: 'Never' },
    service: { type: 'NodePort' },
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    mongodb: {
      bundled: {
        enabled: true,
        image: mongo,
        args: ['0.0.0.0:27017', '/data/db'],
        storage: { size: '1Gi', ephemeral: true },
        resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '1Gi' } },
      },
    },
    sandbox: { engine: 'pods', image: sandbox, imagePullPolicy: 'Never', memory: '512MiB' },
    config: { kubernetes: { 'request-share': 0.05 }, 'rate-limit-per-minute': 0 },
  };
}

export type Release = Awaited<ReturnType<typeof install>>;

/** Installs the chart in a namespace of its own and waits until the server works. */
export async function install(namespace: string, values: object, ...args: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'corral-release-'));
  const file = join(folder, 'values.json');
  await writeFile(file, JSON.stringify(values));
  const name = 'corral';
  const common = ['--namespace', namespace, '--values', file, '--wait', '--timeout', '180s'];
  const inNamespace = (...more: string[]) => kubectl('--namespace', namespace, ...more);
  const clear = async () => {
    await helm('uninstall', name, '--namespace', namespace, '--no-hooks', '--ignore-not-found').catch(() => {});
    await removeFolder(folder);
    await kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false');
  };
  try {
    await helm('install', name, chart, '--create-namespace', ...common, ...args);
  } catch (error) {
    const logs = await inNamespace('logs', '--selector', 'app.kubernetes.io/component=server', '--tail=20').catch(
      String,
    );
    const pods = await inNamespace('get', 'pods', '--output=wide').catch(String);
    await clear();
    throw new Error(`${(error as Error).message}\n${pods}\n${logs}`);
  }
  const secret = await inNamespace('get', 'secret', `${name}-auth`, '--output=jsonpath={.data.token}');
  const token = Buffer.from(secret, 'base64').toString();
  const node = new URL(await kubectl('config', 'view', '--minify', '--output=jsonpath={.clusters[0].cluster.server}'));
  const port = await inNamespace('get', 'service', name, '--output=jsonpath={.spec.ports[0].nodePort}');
  const config = await inNamespace('get', 'configmap', name, '--output=jsonpath={.data.corral\\.yaml}');
  const url = `http://${node.hostname}:${port}`;
  return {
    name,
    namespace,
    /** The service's address from outside the cluster. */
    url,
    sandboxes: /^ {2}namespace: (\S+)$/m.exec(config)?.[1] ?? '',
    client: (at = url) => createCorralClient({ url: at, token, transport: 'ws' }),
    /** Runs kubectl in the release's own namespace. */
    kubectl: inNamespace,
    /** The servers' pods that are ready and not terminating. */
    async servers() {
      const selector = '--selector=app.kubernetes.io/component=server';
      const { items } = JSON.parse(await inNamespace('get', 'pods', selector, '--output=json')) as {
        items: { metadata: { name: string; deletionTimestamp?: string } }[];
      };
      return items.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name);
    },
    /** Upgrades the release with other values; resolves when the rollout is complete. */
    upgrade: async (...more: string[]) => void (await helm('upgrade', name, chart, ...common, ...args, ...more)),
    uninstall: async () =>
      void (await helm('uninstall', name, '--namespace', namespace, '--wait', '--timeout', '120s')),
    [Symbol.asyncDispose]: clear,
  };
}

/** A single pod, reached from this machine through the API server. */
export async function forwarded(namespace: string, pod: string): Promise<AsyncDisposable & { readonly url: string }> {
  const args = ['--namespace', namespace, 'port-forward', `pod/${pod}`, ':8000', '--address=127.0.0.1'];
  const child: ChildProcess = spawn('kubectl', args, { env: clusterEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  const port = () => /127\.0\.0\.1:(\d+)/.exec(output)?.[1];
  await expect.poll(port, { interval: 50 }).toBeDefined();
  return {
    url: `http://127.0.0.1:${port()}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Loads the images that the chart's tests need onto the node; undefined where the stand-in for MongoDB is missing. */
export async function chartImages(sandboxImage: () => Promise<string>): Promise<Images | undefined> {
  const mongo = await mongoImage();
  if (mongo === undefined && process.env.CI === 'true') throw new Error('needed in CI: what mongo.sh builds');
  if (mongo === undefined) return undefined;
  const server = await serverImage();
  await load(server);
  await load(mongo);
  return { server, mongo, sandbox: await sandboxImage() };
}
