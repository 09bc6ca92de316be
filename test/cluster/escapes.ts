import { afterAll, expect, test } from 'vitest';
import { clusterEnv, clusterImage, hasCluster, kubectl } from '../support/cluster.ts';
import { escapesFrom } from '../support/escapes.ts';

const cluster = await hasCluster();
const namespace = `corral-test-escapes-${process.pid}`;
let isMade = false;
afterAll(async () => {
  if (isMade) await kubectl('delete', 'namespace', namespace, '--wait=false');
});

/** What the RuntimeDefault profile of older containerds lets through; our own profile on the nodes does not. */
const missing = [/^io_uring_setup/, /^AF_VSOCK/];

test('no attempt to get out of a sandbox of kubernetes succeeds', { timeout: 600_000, retry: 0 }, async (context) => {
  if (!cluster) context.skip('needs a cluster that KUBECONFIG names');
  const image = await clusterImage();
  await kubectl('create', 'namespace', namespace);
  isMade = true;
  await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');
  const settings = {
    CORRAL_DRIVER: 'kubernetes',
    KUBECONFIG: clusterEnv().KUBECONFIG ?? '',
    CORRAL_KUBERNETES_NAMESPACE: namespace,
    CORRAL_KUBERNETES_IMAGE_PULL_POLICY: 'Never',
    CORRAL_KUBERNETES_REQUEST_SHARE: '0.05',
    CORRAL_SANDBOX_IMAGE: image,
  };
  const attempts = await escapesFrom({ name: 'kubernetes', settings, networked: true, limitsPids: false });
  const isMissing = (what: string) => missing.some((it) => it.test(what));
  expect(attempts.filter(({ outcome, what }) => outcome === 'escaped' && !isMissing(what))).toEqual([]);
  expect(attempts.length).toBeGreaterThan(150);
});
