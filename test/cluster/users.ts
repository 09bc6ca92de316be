import { expect, test } from 'vitest';
import { createPodBody } from '../../drivers/kubernetes/pods/pod-body.ts';
import { apply, clusterHarness, hasCluster, kubectl, testPods } from '../support/cluster/cluster.ts';
import { podInput } from '../support/cluster/pod-input.ts';
import { testSpec } from '../support/conformance/harness.ts';

const cluster = await hasCluster();

test.skipIf(!cluster)('a sandbox works as any user of group 0 under Pod Security restricted', async () => {
  await using harness = await clusterHarness();
  const { namespace, image } = harness;
  const spec = { ...testSpec(image), egress: { kind: 'none' } };
  const name = 'any-user';
  const settings = { ...testPods, workspace: 'ephemeral', podUser: 'assigned' } as const;
  const pod = createPodBody({ ...podInput(spec, settings), name, namespace, now: Date.now(), egress: undefined });
  const assigned = { runAsUser: 1_000_650_000, runAsGroup: 0, fsGroup: 1_000_650_000 }; // by the cluster's admission
  Object.assign(pod.spec?.securityContext ?? {}, assigned);
  await apply(pod);
  await kubectl('wait', '--namespace', namespace, '--for=condition=Ready', `pod/${name}`, '--timeout=90s');
  const health = `curl -s -o /dev/null -w '%{http_code}' -H 'authorization: Bearer the daemon token' http://127.0.0.1:2718/health`;
  const script = `id -u; id -g; id -un; for p in /workspace /home/user /home/agent /tmp "$HOME"; do echo x >"$p/f" || exit 1; done; ${health}`;
  const inside = ['exec', '--namespace', namespace, name, '--container', 'sandbox', '--', 'bash', '-c', script];
  await expect.poll(() => kubectl(...inside)).toBe('1000650000\n0\nuser\n200');
});
