import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { V1PersistentVolume, V1Pod } from '@kubernetes/client-node';
import { openKubeApi } from '../../../drivers/kubernetes/api/api.ts';
import { openKubeCredentials } from '../../../drivers/kubernetes/api/credentials.ts';
import { extensionPath, sandboxesPath } from '../../../drivers/kubernetes/claims/platform.ts';
import { createKubernetesDriver } from '../../../drivers/kubernetes/kubernetes.ts';
import type { KubernetesOptions, PodSettings } from '../../../drivers/kubernetes/options.ts';
import { createSandboxTokenDeriver } from '../../../drivers/kubernetes/pods/sandbox-tokens.ts';
import { listenForEgress } from '../../../drivers/kubernetes/policies/egress-listener.ts';
import { createBaseImageContext } from '../../../src/app/images/image.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { createIdSource, type SandboxId, sessionIdOf } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { buildVariant, type Variant } from '../servers/build-variant.ts';
import { programs } from '../servers/programs.ts';

const execute = promisify(execFile);
const env: NodeJS.ProcessEnv = { ...process.env };
const script = env.CLUSTER_SH ?? join(import.meta.dirname, '../../../../shared/setup/cluster.sh');

/** Runs kubectl and returns its output. Tests look at the cluster and damage sandboxes from outside with it. */
export const kubectl = async (...args: string[]): Promise<string> =>
  (await execute('kubectl', args, { env, maxBuffer: 2 ** 26 })).stdout.trim();

export const helm = async (...args: string[]): Promise<string> =>
  (await execute('helm', args, { env, maxBuffer: 2 ** 26 })).stdout.trim();

/** The environment for programs that talk to the tests' cluster. */
export const clusterEnv = (): NodeJS.ProcessEnv => ({ ...env });

/** Copies an image from the Docker engine to the node, unless the node has it. */
export async function load(image: string): Promise<void> {
  const cluster = await kubectl('get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}');
  const marker = join(tmpdir(), `corral-test-loaded-${process.getuid?.()}-${image.replaceAll(/[^a-z0-9]+/gi, '-')}`);
  const id = (await execute('docker', ['image', 'inspect', '--format', '{{.Id}}', image])).stdout.trim();
  const state = `${cluster} ${id}`;
  if ((await readFile(marker, 'utf8').catch(() => '')) === state) return;
  await execute('bash', [script, 'load', image], { env, timeout: 280_000 });
  await writeFile(marker, state);
}

/**
 * Installs our seccomp profile on the node, as an operator would. The node is this machine; its kubelet is next to
 * KUBECONFIG.
 */
export async function seccompOnNode(): Promise<{ readonly name: string } & AsyncDisposable> {
  const args = ['--disable-warning=ExperimentalWarning', 'src/app/main.ts', 'seccomp-profile'];
  const { stdout } = await execute(process.execPath, args, { env });
  const folder = join(dirname(env.KUBECONFIG ?? ''), 'kubelet/seccomp');
  const name = `corral-test-${createIdSource().short()}.json`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), stdout);
  return { name, [Symbol.asyncDispose]: () => rm(join(folder, name)) };
}

export async function apply(manifest: unknown): Promise<void> {
  const child = spawn('kubectl', ['apply', '-f', '-'], { env, stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end(JSON.stringify(manifest));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`kubectl apply ended with ${code}`);
}

export const component = (action: 'start' | 'stop', name: string) => execute('bash', [script, action, name], { env });

/**
 * False: the caller skips tests that need a cluster, because KUBECONFIG names none. In CI a named cluster must answer.
 */
export async function hasCluster(): Promise<boolean> {
  if (env.KUBECONFIG === undefined) return false;
  const answers = await kubectl('get', '--raw', '/readyz').then(
    (text) => text === 'ok',
    () => false,
  );
  if (!answers && env.CI === 'true') throw new Error('KUBECONFIG names a cluster that does not answer.');
  return answers;
}

/** Whether the cluster has agents.x-k8s.io. */
export const hasClaims = async (): Promise<boolean> =>
  (await hasCluster()) &&
  (await kubectl('api-resources', '--api-group=extensions.agents.x-k8s.io')).includes('v1beta1');

let loading: Promise<string> | undefined;
/** The image that users get, built from the current tree and copied to the node. */
export function clusterImage(): Promise<string> {
  loading ??= (async () => {
    const { folder, hash } = await createBaseImageContext(programs.daemon);
    const image = `corral-test/sandbox:${hash}`;
    const build = ['build', '--quiet', '--network', 'host', '--tag', image, folder];
    await execute('docker', build, { env: { ...env, DOCKER_BUILDKIT: '0' }, timeout: 280_000 });
    await load(image);
    return image;
  })();
  return loading;
}

/** The image with a desktop or with the code interpreter, built as operators build it and copied to the node. */
export async function variantOnCluster(variant: Variant): Promise<string> {
  const image = `corral-test/sandbox-${variant}:cluster`;
  await buildVariant(variant, image);
  await load(image);
  return image;
}

export const testPods: PodSettings = {
  workspace: 'volume',
  storageClass: 'node',
  nodeSelector: {},
  tolerations: [],
  imagePullSecrets: [],
  imagePullPolicy: 'Never',
  requestShare: 0.05,
  podUser: 'fixed',
  userNamespaces: false,
  nodeLossSeconds: 30,
};

export type ClusterHarness = Awaited<ReturnType<typeof clusterHarness>>;

/** The engine of the driver; claims need agent-sandbox with its extensions in the cluster. */
export type TestedEngine = 'pods' | 'agent-sandbox';

export async function clusterHarness(engine: TestedEngine = 'pods') {
  await using stack = new AsyncDisposableStack();
  const image = await clusterImage();
  const namespace = `corral-test-${process.pid}-${createIdSource().short().slice(0, 4)}`;
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
  stack.defer(async () => void (await kubectl('delete', 'namespace', namespace, '--wait=false')));
  const credentials = stack.use(
    openKubeCredentials({ kubeconfig: env.KUBECONFIG, context: undefined, clock: systemClock }),
  );
  const api = openKubeApi({ credentials, clock: systemClock, random: Math.random, maxInFlight: 10 });
  const keys = [new Secret('a key of these tests')];
  const near = await localAddress(credentials.server);
  const egress = stack.use(
    await listenForEgress({
      listen: { host: near, port: 0 },
      keys: createSandboxTokenDeriver('test', keys),
      gate: { serve: (socket, { id }) => void socket.end(id) }, // tells the client which sandbox it is
    }),
  );
  stack.use(recycleVolumes());
  const options = (over: Partial<KubernetesOptions> = {}): KubernetesOptions => ({
    ...(env.KUBECONFIG !== undefined && { kubeconfig: env.KUBECONFIG }),
    namespace,
    instance: 'test',
    keys,
    ids: createIdSource(),
    clock: systemClock,
    random: Math.random,
    engine,
    reach: 'port-forward',
    port: 2718,
    pods: testPods,
    egressAddress: { host: near, port: egress.port },
    networkPolicies: 'managed',
    pendingMs: 20_000,
    maxInFlight: 10,
    ...over,
  });
  const nameOf = (id: SandboxId) => `corral-test-${sessionIdOf(id)}`;
  const base = `/api/v1/namespaces/${namespace}`;
  const named = (path: string, name: string) =>
    api.askFor<{ status?: { sandbox?: { name?: string } } }>(
      { method: 'GET', path: `${path}/${name}`, what: 'get' },
      AbortSignal.timeout(10_000),
    );
  const held = stack.move();
  return {
    image,
    namespace,
    /** An address of this machine that pods can dial unless a network policy forbids it. */
    near,
    options,
    nameOf,
    connect: ({ instance, over }: { instance?: string; over?: Partial<KubernetesOptions> } = {}) =>
      createKubernetesDriver(options({ ...(instance !== undefined && { instance }), ...over })),
    async killBehindItsBack(id: SandboxId) {
      const found = await named(extensionPath(namespace, 'sandboxclaims'), nameOf(id));
      const name = found?.status?.sandbox?.name ?? nameOf(id);
      const path = `${base}/pods/${name}?gracePeriodSeconds=0`;
      await api.ask({ method: 'DELETE', path, what: 'delete' }, AbortSignal.timeout(10_000));
    },
    async remains(id: SandboxId) {
      const name = nameOf(id);
      const places = {
        pod: `${base}/pods`,
        claim: `${base}/persistentvolumeclaims`,
        ...(engine === 'agent-sandbox' && {
          sandboxclaim: extensionPath(namespace, 'sandboxclaims'),
          sandbox: sandboxesPath(namespace),
        }),
      };
      const found = Object.entries(places).map(async ([kind, path]) => {
        const request = { method: 'GET', path, what: 'list' } as const;
        const { items } = await api.ask<{ items: V1Pod[] }>(request, AbortSignal.timeout(10_000));
        const those = items.filter(({ metadata }) => metadata?.name?.endsWith(name));
        return those.map(({ metadata }) => `${kind} ${metadata?.name}`);
      });
      return (await Promise.all(found)).flat();
    },
    async pods() {
      const request = { method: 'GET', path: `${base}/pods`, what: 'list' } as const;
      return (await api.ask<{ items: V1Pod[] }>(request, AbortSignal.timeout(10_000))).items;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** This machine's own address on the route to the cluster. */
async function localAddress(server: URL): Promise<string> {
  const socket = connect({ host: server.hostname, port: Number(server.port || 443) });
  await once(socket, 'connect');
  const { localAddress = '127.0.0.1' } = socket;
  socket.destroy();
  return localAddress;
}

/** Empties and releases those of the cluster's few volumes whose tests ended. */
export async function freeVolumes(): Promise<void> {
  const { items } = JSON.parse(await kubectl('get', 'persistentvolumes', '--output=json')) as {
    items: V1PersistentVolume[];
  };
  for (const { metadata, spec, status } of items) {
    const folder = spec?.hostPath?.path;
    if (status?.phase !== 'Released' || !folder || !spec?.claimRef?.namespace?.startsWith('corral-test-')) continue;
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
    const patch = JSON.stringify({ spec: { claimRef: null } });
    await kubectl('patch', 'persistentvolume', metadata?.name ?? '', '--type=merge', `--patch=${patch}`);
  }
}

/** The cluster has few volumes, on this machine, and keeps them when their claim is deleted. This loop releases them. */
function recycleVolumes(): AsyncDisposable {
  const stop = new AbortController();
  const run = async () => {
    while (!stop.signal.aborted) {
      await freeVolumes().catch(() => {}); // the next round tries again
      await new Promise((done) => setTimeout(done, 500));
    }
  };
  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
