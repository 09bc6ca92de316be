import { isIP } from 'node:net';
import type { V1NetworkPolicy, V1NetworkPolicyEgressRule, V1NetworkPolicyPeer } from '@kubernetes/client-node';
import type { KubeApi } from '../api/api.ts';
import { statusOf } from '../api/status.ts';
import type { HostPort, ServerPods } from '../options.ts';

export interface NetworkPaths {
  readonly namespace: string;
  readonly instance: string;
  readonly daemonPort: number;
  readonly reach: 'pod-ip' | 'port-forward';
  readonly egress: HostPort | undefined;
  readonly serverPods: ServerPods | undefined;
}

const tcp = (port: number) => [{ protocol: 'TCP', port }];

/**
 * The two allowed connections of a sandbox: in from the server, out to the proxy. With the policy `none` there is no
 * outbound one.
 */
export function networkPolicies(ways: NetworkPaths): V1NetworkPolicy[] {
  const { namespace, instance, daemonPort, reach, egress, serverPods } = ways;
  const server = serverPods && {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': serverPods.namespace } },
    podSelector: { matchLabels: { ...serverPods.labels } },
  };
  // Forwarded connections come from the node itself, which policies always allow.
  const _in = reach === 'port-forward' ? [] : [{ ...(server && { _from: [server] }), ports: tcp(daemonPort) }];
  const out: V1NetworkPolicyEgressRule[] = egress
    ? [{ to: [server ?? peerOf(egress)], ports: tcp(serverPods?.egressPort ?? egress.port) }]
    : [];
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
      ingress: _in.map(({ _from, ports }: { _from?: V1NetworkPolicyPeer[]; ports: unknown }) => ({
        ...(_from && { from: _from }),
        ports,
      })) as never,
      egress: kind === 'proxy' ? out : [],
    },
  }));
}

const peerOf = ({ host }: HostPort): V1NetworkPolicyPeer => ({
  ipBlock: { cidr: `${host}/${isIP(host) === 6 ? 128 : 32}` },
});

/** Creates the policies, or updates older ones. */
export async function ensurePolicies(api: KubeApi, ways: NetworkPaths, signal: AbortSignal): Promise<void> {
  const folder = `/apis/networking.k8s.io/v1/namespaces/${ways.namespace}/networkpolicies`;
  for (const body of networkPolicies(ways)) {
    const path = `${folder}/${body.metadata?.name}`;
    const what = 'put the network policies of sandboxes in place';
    const create = async () => {
      try {
        await api.ask({ method: 'POST', path: folder, body, what }, signal);
      } catch (error) {
        if (statusOf(error) !== 409) throw error; // another replica created it first
      }
    };
    const found = await api.askFor<V1NetworkPolicy>({ method: 'GET', path, what }, signal);
    if (!found) await create();
    else if (!saysTheSame(found.spec, body.spec)) await api.ask({ method: 'PUT', path, body, what }, signal);
  }
}

/** The API server omits empty lists, so a comparison must ignore them. */
const saysTheSame = (a: unknown, b: unknown) => normal(a) === normal(b);
const normal = (value: unknown): string =>
  JSON.stringify(value, (_key, inner) => {
    if (Array.isArray(inner)) return inner.length === 0 ? undefined : inner;
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
