import { afterAll, expect, test } from 'vitest';
import {
  clusterEnv,
  clusterImage,
  hasClaims,
  hasCluster,
  kubectl,
  seccompOnNode,
  type TestedEngine,
} from '../support/cluster/cluster.ts';
import { escapesFrom } from '../support/hostile/escapes.ts';

const cluster = await hasCluster();
const engines: readonly TestedEngine[] = (await hasClaims()) ? ['pods', 'agent-sandbox'] : ['pods'];
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

test.for(engines)(
  'every attempt to escape from a Kubernetes sandbox fails: %s',
  { tags: ['nightly'] },
  async (engine, context) => {
    if (!cluster) context.skip('needs a cluster that KUBECONFIG names');
    const namespace = `corral-test-escapes-${engine}-${process.pid}`;
    const image = await clusterImage();
    const profile = stack.use(await seccompOnNode());
    await kubectl('create', 'namespace', namespace);
    stack.defer(async () => void (await kubectl('delete', 'namespace', namespace, '--wait=false')));
    await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');
    const settings = {
      CORRAL_DRIVER: 'kubernetes',
      KUBECONFIG: clusterEnv().KUBECONFIG ?? '',
      CORRAL_KUBERNETES_NAMESPACE: namespace,
      CORRAL_KUBERNETES_ENGINE: engine,
      CORRAL_KUBERNETES_IMAGE_PULL_POLICY: 'Never',
      CORRAL_KUBERNETES_REQUEST_SHARE: '0.05',
      CORRAL_KUBERNETES_SECCOMP_PROFILE: profile.name,
      CORRAL_SANDBOX_IMAGE: image,
    };
    const attempts = await escapesFrom({ name: 'kubernetes', settings, networked: true, limitsPids: false });
    expect(attempts.filter(({ outcome }) => outcome === 'escaped')).toEqual([]);
    expect(attempts.length).toBeGreaterThan(150);
  },
);
