import type { KubernetesOptions } from '../../../drivers/kubernetes/options.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { testPods } from '../cluster/cluster.ts';
import type { KubeStub } from '../cluster/kube-stub.ts';

export type StubAddress = Pick<KubeStub, 'kubeconfig' | 'daemonPort'>;

/** The Kubernetes driver's options for the stub of an API server. */
export const stubOptions = (stub: StubAddress, over: Partial<KubernetesOptions> = {}): KubernetesOptions => ({
  kubeconfig: stub.kubeconfig,
  namespace: 'stub',
  instance: 'test',
  keys: [new Secret('a key of these tests')],
  ids: createIdSource(),
  clock: systemClock,
  random: () => 0.5,
  engine: 'pods',
  reach: 'pod-ip',
  port: stub.daemonPort,
  pods: { ...testPods, workspace: 'ephemeral' },
  egressAddress: { host: '127.0.0.1', port: 9 },
  networkPolicies: 'given',
  pendingMs: 300,
  maxInFlight: 10,
  ...over,
});
