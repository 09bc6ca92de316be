import { afterAll } from 'vitest';
import { sessionOn } from '../e2e/session-on/session-on.ts';
import { clusterEnv, desktopOnCluster, hasCluster, kubectl } from '../support/cluster.ts';

const cluster = await hasCluster();
const namespace = `corral-test-session-${process.pid}`;
let isMade = false;
afterAll(async () => {
  if (isMade) await kubectl('delete', 'namespace', namespace, '--wait=false');
});

sessionOn({
  driver: 'kubernetes',
  async ready(context) {
    if (!cluster) context.skip('needs a cluster that KUBECONFIG names');
    const image = await desktopOnCluster();
    await kubectl('create', 'namespace', namespace);
    isMade = true;
    await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');
    return {
      KUBECONFIG: clusterEnv().KUBECONFIG ?? '',
      CORRAL_KUBERNETES_NAMESPACE: namespace,
      CORRAL_KUBERNETES_IMAGE_PULL_POLICY: 'Never',
      CORRAL_KUBERNETES_REQUEST_SHARE: '0.05',
      CORRAL_SANDBOX_IMAGE: image,
    };
  },
  async remains(sessionId) {
    const kinds = 'pods,persistentvolumeclaims';
    const of = ['--namespace', namespace, `--selector=corral/session=${sessionId}`, '--output=name'];
    return (await kubectl('get', kinds, ...of)).split('\n').filter(Boolean);
  },
});
