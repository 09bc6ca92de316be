import { isIP } from 'node:net';
import type { V1NetworkPolicy, V1NetworkPolicyPeer } from '@kubernetes/client-node';
import type { KubeApi } from '../api/api.ts';
import { openCollection } from '../api/collection.ts';
import type { HostPort, KubernetesOptions } from '../options.ts';

type NetworkPaths = Pick<
  KubernetesOptions,
  'namespace' | 'instance' | 'port' | 'reach' | 'egressAddress' | 'serverPods'
>;

const tcp = (port: number) => [{ protocol: 'TCP', port }];

/**
 * The two allowed connections of a sandbox: in from the server, out to the proxy. With the policy `none` there is no
 * outbound one.
 */
export function networkPolicies(ways: NetworkPaths): V1NetworkPolicy[] {
  const { namespace, instance, port, reach, egressAddress: egress, serverPods } = ways;
  const server = serverPods && {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': serverPods.namespace } },
    podSelector: { matchLabels: { ...serverPods.labels } },
  };
  // Forwarded connections come from the node itself, which policies always allow.
  const incoming = reach === 'port-forward' ? [] : [{ ...(server && { from: [server] }), ports: tcp(port) }];
  const outgoing = egress
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
      ingress: incoming, // the library names the field `_from`
      egress: kind === 'proxy' ? outgoing : [],
    },
  }));
}

const peerOf = ({ host }: HostPort): V1NetworkPolicyPeer => ({
  ipBlock: { cidr: `${host}/${isIP(host) === 6 ? 128 : 32}` },
});

/** Creates the policies, or updates older ones. */
export async function ensurePolicies(api: KubeApi, ways: NetworkPaths, signal: AbortSignal): Promise<void> {
  const folder = `/apis/networking.k8s.io/v1/namespaces/${ways.namespace}/networkpolicies`;
  const what = 'network policies of sandboxes';
  const policies = openCollection<V1NetworkPolicy>(api, folder, what);
  for (const body of networkPolicies(ways)) {
    const name = body.metadata?.name ?? '';
    const found = await policies.get(name, signal);
    if (!found)
      await policies.create(body, signal); // unless another replica created it first
    else if (!saysTheSame(found.spec, body.spec))
      await api.ask({ method: 'PUT', path: `${folder}/${name}`, body, what: `update ${what}` }, signal);
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
