import { lookup } from 'node:dns/promises';
import type { Driver, EgressGate } from '../../drivers/driver.ts';
import { isInCluster } from '../../drivers/kubernetes/credentials.ts';
import { listenForEgress } from '../../drivers/kubernetes/egress-listener.ts';
import { sandboxKeys } from '../../drivers/kubernetes/keys.ts';
import { type KubernetesDriver, kubernetesDriver } from '../../drivers/kubernetes/kubernetes.ts';
import type { HostPort, KubernetesOptions } from '../../drivers/kubernetes/options.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import type { IdSource, SandboxId } from '../core/ids.ts';
import { extraAuthorities } from '../egress/authorities.ts';
import { hasDesktop } from './image.ts';
import { tokenKeys } from './token-keys.ts';

interface Options {
  readonly config: Config;
  readonly instance: string;
  readonly gate: EgressGate;
  readonly ids: IdSource;
  readonly say: (text: string) => void;
  readonly onRefused: (id: SandboxId, reason: string) => void;
}

/** Linux limits one variable to 128 KiB. */
const maxVariable = 100_000;

/** The driver and its egress listener, which are closed together. */
export async function openKubernetes({ config, instance, gate, ids, say }: Options): Promise<Driver> {
  const { kubernetes } = config;
  await using stack = new AsyncDisposableStack();
  const options = await kubernetesOptions(config, instance, ids);
  const known = Promise.withResolvers<KubernetesDriver>();
  if (options.egressAddress) {
    const keys = sandboxKeys(instance, options.keys);
    const claimedBy = (id: SandboxId, signal: AbortSignal) => known.promise.then((it) => it.claimedBy(id, signal));
    stack.use(await listening({ listen: kubernetes.egressListen, keys, gate, claimedBy }));
  } else if (config.egress.policy !== 'none') {
    say('Sandboxes have no way out: CORRAL_KUBERNETES_EGRESS_ADDRESS does not say where their pods reach this server.');
  }
  const onTrouble = (error: AppError) => say(`The cluster cannot be watched: ${error.publicMessage}`);
  const onOpen = (message: string) => say(`WARNING: ${message}`);
  const driver = stack.use(await kubernetesDriver({ ...options, onTrouble, onOpen }));
  known.resolve(driver);
  for (const { text } of driver.capabilities.weaknesses ?? []) say(text);
  const held = stack.move();
  return { ...driver, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Ends pods past their deadline, of every installation in the namespace; for a CronJob. */
export async function reapCluster(config: Config, instance: string, ids: IdSource, signal: AbortSignal) {
  await using driver: KubernetesDriver = await kubernetesDriver(await kubernetesOptions(config, instance, ids));
  return await driver.reap(signal, 'all');
}

async function kubernetesOptions(config: Config, instance: string, ids: IdSource): Promise<KubernetesOptions> {
  const { kubernetes: it } = config;
  const extraCa = await extraAuthorities(config.extraCa);
  if (extraCa && extraCa.length > maxVariable) {
    throw new AppError(
      'invalid_request',
      `CORRAL_EXTRA_CA and NODE_EXTRA_CA_CERTS have ${extraCa.length} bytes of authorities that images do not know. A pod ` +
        `is given them in its environment, which takes ${maxVariable}: name only those that sandboxes need.`,
    );
  }
  return {
    ...(it.kubeconfig !== undefined && { kubeconfig: it.kubeconfig }),
    ...(it.context !== undefined && { context: it.context }),
    namespace: it.namespace,
    instance,
    keys: await tokenKeys(config, () => ids.token()),
    ids,
    clock: systemClock,
    random: Math.random,
    reach: it.reach === 'auto' ? (isInCluster() ? 'pod-ip' : 'port-forward') : it.reach,
    port: it.daemonPort,
    pods: {
      workspace: it.workspace,
      ...(it.storageClass !== undefined && { storageClass: it.storageClass }),
      ...(it.runtimeClass !== undefined && { runtimeClass: it.runtimeClass }),
      ...(it.seccompProfile !== undefined && { seccompProfile: it.seccompProfile }),
      ...(it.priorityClass !== undefined && { priorityClass: it.priorityClass }),
      nodeSelector: pairs(it.nodeSelector),
      tolerations: it.tolerations.map(toleration),
      imagePullSecrets: it.imagePullSecrets,
      imagePullPolicy: it.imagePullPolicy,
      requestShare: it.requestShare,
      userNamespaces: it.userNamespaces,
      nodeLossSeconds: it.nodeLossSeconds,
    },
    ...(it.egressAddress && { egressAddress: await resolved(it.egressAddress) }),
    ...(it.serverLabels.length > 0 && {
      serverPods: { namespace: it.serverNamespace, labels: pairs(it.serverLabels), egressPort: it.egressListen.port },
    }),
    networkPolicies: it.networkPolicies,
    unenforced: config.model === 'demo' || config.unconfined ? 'accept' : 'refuse', // what nobody trusts runs nowhere without walls
    ...(extraCa !== undefined && { extraCa }),
    pendingMs: it.pendingSeconds * 1_000,
    maxInFlight: it.maxInFlight,
    desktop: hasDesktop(config),
  };
}

async function listening(options: Parameters<typeof listenForEgress>[0]) {
  return await listenForEgress(options).catch((cause: NodeJS.ErrnoException) => {
    const { host, port } = options.listen;
    throw new AppError(
      'invalid_request',
      `CORRAL_KUBERNETES_EGRESS_LISTEN: ${host}:${port} is not free (${cause.code}).`,
      { cause },
    );
  });
}

/** Pods have no DNS, so they get the address. */
async function resolved({ host, port }: HostPort): Promise<HostPort> {
  const found = await lookup(host).catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('invalid_request', `CORRAL_KUBERNETES_EGRESS_ADDRESS: ${host} has no address (${cause.code}).`, {
      cause,
    });
  });
  return { host: found.address, port };
}

const pairs = (given: readonly string[]) => Object.fromEntries(given.map((it) => it.split('=') as [string, string]));

function toleration(given: string) {
  const [, key = '', , value, , effect] = /^([^=:]+)(=([^:]*))?(:(.+))?$/.exec(given) ?? [];
  return { key, ...(value !== undefined && { value }), ...(effect !== undefined && { effect }) };
}
