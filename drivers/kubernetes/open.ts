import { lookup } from 'node:dns/promises';
import { AppError } from '../../src/core/errors/errors.ts';
import type { DriverContext } from '../descriptor.ts';
import type { Driver } from '../driver.ts';
import { isInCluster } from './api/credentials.ts';
import { createKubernetesDriver } from './kubernetes.ts';
import type { HostAndPort, KubernetesOptions } from './options.ts';
import { createSandboxTokenDeriver } from './pods/sandbox-tokens.ts';
import { listenForEgress } from './policies/egress-listener.ts';
import type { KubernetesSettings } from './settings.ts';

/** Linux limits each environment variable to 128 KiB. */
const maxVariable = 100_000;

export async function openKubernetesDriver(settings: KubernetesSettings, parts: DriverContext): Promise<Driver> {
  const { instance, gate, hasEgress, say } = parts;
  await using stack = new AsyncDisposableStack();
  const options = await kubernetesOptions(settings, parts);
  if (options.egressAddress) {
    const keys = createSandboxTokenDeriver(instance, options.keys);
    const { egressListen: listen } = settings;
    const listener = listenForEgress({ listen, keys, gate }).catch((cause: NodeJS.ErrnoException) => {
      const message = `CORRAL_KUBERNETES_EGRESS_LISTEN: ${listen.host}:${listen.port} is not free (${cause.code}).`;
      throw new AppError('invalid_request', message, { cause });
    });
    stack.use(await listener);
  } else if (hasEgress) {
    say(
      'Sandboxes have no network access: CORRAL_KUBERNETES_EGRESS_ADDRESS, the address of this server for their pods, is not set.',
    );
  }
  const onTrouble = (error: AppError) => say(`The cluster cannot be watched: ${error.publicMessage}`);
  const own = { ...options, onTrouble, onOpen: (message: string) => say(`WARNING: ${message}`) };
  const driver = stack.use(await createKubernetesDriver(own));
  const held = stack.move();
  return { ...driver, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function kubernetesOptions(it: KubernetesSettings, parts: DriverContext): Promise<KubernetesOptions> {
  const extraCa = await parts.extraCa();
  if (extraCa && extraCa.length > maxVariable) {
    const size = `CORRAL_EXTRA_CA and NODE_EXTRA_CA_CERTS contain ${extraCa.length} bytes of certificates that images lack.`;
    const advice = `Pods get them in an environment variable of at most ${maxVariable} bytes: list only those that sandboxes need.`;
    throw new AppError('invalid_request', `${size} ${advice}`);
  }
  return {
    ...it,
    ...parts,
    desktop: parts.desktop === true,
    keys: await parts.keys(),
    reach: it.reach === 'auto' ? (isInCluster() ? 'pod-ip' : 'port-forward') : it.reach,
    port: it.daemonPort,
    pods: { ...it, nodeSelector: pairs(it.nodeSelector), tolerations: it.tolerations.map(toleration) },
    egressAddress: it.egressAddress && (await resolved(it.egressAddress)),
    ...(it.serverLabels.length > 0 && {
      serverPods: { namespace: it.serverNamespace, labels: pairs(it.serverLabels), egressPort: it.egressListen.port },
    }),
    extraCa,
    pendingMs: it.pendingSeconds * 1_000,
  };
}

/** Resolves the name here, because pods have no DNS. */
async function resolved({ host, port }: HostAndPort): Promise<HostAndPort> {
  const found = await lookup(host).catch((cause: NodeJS.ErrnoException) => {
    const message = `CORRAL_KUBERNETES_EGRESS_ADDRESS: ${host} has no address (${cause.code}).`;
    throw new AppError('invalid_request', message, { cause });
  });
  return { host: found.address, port };
}

const pairs = (values: readonly string[]) => Object.fromEntries(values.map((it) => it.split('=') as [string, string]));

function toleration(text: string) {
  const [, key = '', , value, , effect] = /^([^=:]+)(=([^:]*))?(:(.+))?$/.exec(text) ?? [];
  const compared = value === undefined ? { operator: 'Exists' } : { operator: 'Equal', value };
  return { key, ...compared, ...(effect !== undefined && { effect }) };
}
