// Hostile code in pods: it hides its processes, and installs packages.
import { afterAll } from 'vitest';
import { stoppingIn } from '../e2e/faults/stopping-in.ts';
import { packagesIn } from '../e2e/workspace/packages-in.ts';
import { clusterEnv, clusterImage, freeVolumes, hasCluster, kubectl } from '../support/cluster.ts';
import { freePort } from '../support/free-port.ts';
import type { World } from '../support/worlds.ts';

const cluster = await hasCluster();
const namespace = `corral-test-hostile-${process.pid}`;
const near = '10.200.0.1'; // this machine's address for pods
let isMade = false;
afterAll(async () => {
  if (isMade) await kubectl('delete', 'namespace', namespace, '--wait=false');
});

const names = async (kinds: string, sessionId: string) => {
  const of = ['--namespace', namespace, `--selector=corral/session=${sessionId}`, '--output=name'];
  return (await kubectl('get', kinds, ...of)).split('\n').filter(Boolean);
};
const unused = () => Promise.reject(new Error('nothing here ends a sandbox from outside'));

const kubernetesWorld = (workspace: 'ephemeral' | 'volume'): World => ({
  driver: 'kubernetes',
  async ready(context) {
    if (!cluster) context.skip('needs a cluster that KUBECONFIG names');
    const image = await clusterImage();
    await freeVolumes();
    if (!isMade) await kubectl('create', 'namespace', namespace);
    isMade = true;
    await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted', '--overwrite');
    const egress = `${near}:${await freePort()}`;
    return {
      KUBECONFIG: clusterEnv().KUBECONFIG ?? '',
      CORRAL_KUBERNETES_NAMESPACE: namespace,
      CORRAL_KUBERNETES_IMAGE_PULL_POLICY: 'Never',
      CORRAL_KUBERNETES_REQUEST_SHARE: '0.05',
      CORRAL_KUBERNETES_WORKSPACE: workspace,
      CORRAL_KUBERNETES_STORAGE_CLASS: workspace === 'volume' ? 'node' : '',
      CORRAL_KUBERNETES_EGRESS_ADDRESS: egress,
      CORRAL_KUBERNETES_EGRESS_LISTEN: egress,
      CORRAL_SANDBOX_IMAGE: image,
    };
  },
  running: (sessionId) => names('pods', sessionId),
  remains: (sessionId) => names('pods,persistentvolumeclaims', sessionId),
  kill: unused,
  signalDaemon: unused,
});

stoppingIn(kubernetesWorld('ephemeral'));
packagesIn(kubernetesWorld('ephemeral'));
