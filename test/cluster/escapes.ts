import { afterAll, expect, test } from 'vitest';
import { clusterEnv, clusterImage, hasCluster, kubectl, seccompOnNode } from '../support/cluster/cluster.ts';
import { escapesFrom } from '../support/hostile/escapes.ts';

const cluster = await hasCluster();
const namespace = `corral-test-escapes-${process.pid}`;
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

test('every attempt to escape from a Kubernetes sandbox fails', { tags: ['nightly'] }, async (context) => {
  if (!cluster) context.skip('needs a cluster that KUBECONFIG names');
  const image = await clusterImage();
  const profile = stack.use(await seccompOnNode());
  await kubectl('create', 'namespace', namespace);
  stack.defer(async () => void (await kubectl('delete', 'namespace', namespace, '--wait=false')));
  await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');
  const settings = {
    CORRAL_DRIVER: 'kubernetes',
    KUBECONFIG: clusterEnv().KUBECONFIG ?? '',
    CORRAL_KUBERNETES_NAMESPACE: namespace,
    CORRAL_KUBERNETES_IMAGE_PULL_POLICY: 'Never',
    CORRAL_KUBERNETES_REQUEST_SHARE: '0.05',
    CORRAL_KUBERNETES_SECCOMP_PROFILE: profile.name,
    CORRAL_SANDBOX_IMAGE: image,
  };
  const attempts = await escapesFrom({ name: 'kubernetes', settings, networked: true, limitsPids: false });
  expect(attempts.filter(({ outcome }) => outcome === 'escaped')).toEqual([]);
  expect(attempts.length).toBeGreaterThan(150);
});
