import { isIP } from 'node:net';
import type { V1NetworkPolicy } from '@kubernetes/client-node';
import { combineSignals, sleep } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxLink } from '../../driver.ts';
import type { KubeApi } from '../api/api.ts';
import { openKubeCollection } from '../api/collection.ts';
import type { KubernetesOptions } from '../options.ts';
import { execInSandbox } from '../pods/pod-links.ts';

type Paths = 'namespace' | 'instance' | 'port' | 'reach' | 'egressAddress' | 'serverPods';
type NetworkPaths = Pick<KubernetesOptions, Paths>;

const tcp = (port: number) => [{ protocol: 'TCP', port }];

/** Sandboxes accept connections only on the daemon's port. `proxy` lets them dial only the proxy; `none`, nothing. */
export function createNetworkPolicies(ways: NetworkPaths): V1NetworkPolicy[] {
  const { namespace, instance, port, reach, egressAddress: egress, serverPods } = ways;
  const server = serverPods && {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': serverPods.namespace } },
    podSelector: { matchLabels: { ...serverPods.labels } },
  };
  // Forwarded connections come from the node itself, which policies always allow.
  const incoming = reach === 'port-forward' ? [] : [{ ...(server && { from: [server] }), ports: tcp(port) }];
  const byAddress = { ipBlock: { cidr: `${egress?.host}/${isIP(egress?.host ?? '') === 6 ? 128 : 32}` } };
  const outgoing = egress ? [{ to: [server ?? byAddress], ports: tcp(serverPods?.egressPort ?? egress.port) }] : [];
  return (['none', 'proxy'] as const).map((kind) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: `corral-${instance}-${kind}`,
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'corral', 'corral/instance': instance },
    },
    spec: {
      podSelector: { matchLabels: { 'corral/instance': instance, 'corral/egress': kind } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: incoming, // uses the API's field name `from`, which the library's type spells `_from`
      egress: kind === 'proxy' ? outgoing : [],
    },
  }));
}

export async function ensureNetworkPolicies(api: KubeApi, ways: NetworkPaths, signal: AbortSignal): Promise<void> {
  const folder = `/apis/networking.k8s.io/v1/namespaces/${ways.namespace}/networkpolicies`;
  const what = 'network policies of sandboxes';
  const policies = openKubeCollection<V1NetworkPolicy>(api, folder, what);
  for (const body of createNetworkPolicies(ways)) {
    const path = `${folder}/${body.metadata?.name}`;
    if (!(await policies.create(body, signal)))
      await api.ask({ method: 'PUT', path, body, what: `update ${what}` }, signal);
  }
}

interface CheckOptions extends Pick<KubernetesOptions, 'unenforced' | 'onOpen' | 'port'> {
  readonly betweenMs?: number;
}

/** Shell script that dials the API server. Prints nothing if the check is inconclusive. */
const look = (daemonPort: number) => `
host=$KUBERNETES_SERVICE_HOST port=$KUBERNETES_SERVICE_PORT
reach() { timeout "$1" bash -c ": </dev/tcp/$2/$3" 2>/dev/null; }
[ -n "$host" ] && [ -n "$port" ] && reach 5 127.0.0.1 ${daemonPort} || exit 0
if reach 1 "$host" "$port"; then echo "open $host:$port"; else echo closed; fi`;
/** Number of attempts per check. More than one, because some network plug-ins apply policies to a new pod late. */
const looks = 4;
const lookMs = 15_000;
const maxUnknown = 3;

/** Tries to connect from a sandbox, because the Kubernetes API does not report whether policies are enforced. */
export function createNetworkPolicyCheck({ unenforced = () => 'refuse', onOpen, port, betweenMs = 750 }: CheckOptions) {
  let isOver = false;
  let isTold = false;
  let isOpen = false;
  let unknown = 0;
  const command = look(port);

  /** Undefined if the sandbox reached no address, or the check was inconclusive. */
  async function reached(link: SandboxLink, signal: AbortSignal): Promise<string | undefined> {
    for (let n = 1; ; n += 1) {
      const until = combineSignals([signal, AbortSignal.timeout(lookMs)]);
      const message = (await execInSandbox(link, { command, timeoutMs: lookMs }, until)).trim();
      if (message === 'closed') {
        isOver = true;
        isOpen = false;
        return undefined;
      }
      if (!message.startsWith('open ')) {
        unknown += 1;
        if (unknown === maxUnknown && !isOver) onOpen?.(unclear);
        isOver ||= unknown >= maxUnknown;
        return undefined;
      }
      if (n >= looks) return message.slice('open '.length);
      await sleep(betweenMs, signal);
    }
  }

  return {
    isOpen: () => isOpen,
    /**
     * Call with an unused sandbox. Rejects with unsupported if policies are unenforced and `unenforced` returns
     * `refuse`.
     */
    async check(link: SandboxLink, signal: AbortSignal): Promise<void> {
      // A sandbox that ends during its check proves nothing.
      const address = isOver ? undefined : await reached(link, signal).catch(() => undefined);
      if (address === undefined) return;
      const what =
        'Network policies are not enforced here, or are missing: a new sandbox can reach ' +
        `the cluster's API server (${address}) and everything else that pods can reach.`;
      if (!isTold) onOpen?.(what);
      isTold = true;
      isOpen = true;
      isOver ||= unenforced() === 'accept';
      if (!isOver) throw new AppError('unsupported', `${what} ${advice}`);
    },
  };
}
const unclear =
  'Cannot check whether network policies are enforced here: the image has no bash, or lacks a tool that the check needs.';
const advice =
  'Use a network plug-in that enforces them, or set CORRAL_UNCONFINED=1 to accept that sandboxes can reach all of this.';
