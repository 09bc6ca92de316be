import { isIP } from 'node:net';
import type { V1NetworkPolicy } from '@kubernetes/client-node';
import type { KubeApi } from '../api/api.ts';
import { openCollection } from '../api/collection.ts';
import type { KubernetesOptions } from '../options.ts';

type Paths = 'namespace' | 'instance' | 'port' | 'reach' | 'egressAddress' | 'serverPods';
type NetworkPaths = Pick<KubernetesOptions, Paths>;

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
      ingress: incoming, // the library names the field `_from`
      egress: kind === 'proxy' ? outgoing : [],
    },
  }));
}

/** Creates the policies, or replaces older ones; an equal one is not written again by the cluster. */
export async function ensurePolicies(api: KubeApi, ways: NetworkPaths, signal: AbortSignal): Promise<void> {
  const folder = `/apis/networking.k8s.io/v1/namespaces/${ways.namespace}/networkpolicies`;
  const what = 'network policies of sandboxes';
  const policies = openCollection<V1NetworkPolicy>(api, folder, what);
  for (const body of networkPolicies(ways)) {
    const path = `${folder}/${body.metadata?.name}`;
    if (!(await policies.create(body, signal)))
      await api.ask({ method: 'PUT', path, body, what: `update ${what}` }, signal);
  }
}
