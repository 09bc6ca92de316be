// Hostile code in pods: it hides its processes, and installs packages.
import { stoppingIn } from '../e2e/faults/stopping-in.ts';
import { packagesIn } from '../e2e/workspace/packages-in.ts';
import { clusterImage, freeVolumes } from '../support/cluster/cluster.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { isNightly } from '../support/runner/nightly.ts';
import { freePort } from '../support/servers/free-port.ts';
import type { World } from '../support/worlds.ts';

const namespace = await clusterNamespace('hostile');
const near = '10.200.0.1'; // this machine's address for pods
const unused = () => Promise.reject(new Error('nothing here ends a sandbox from outside'));

const kubernetesWorld = (workspace: 'ephemeral' | 'volume'): World => ({
  driver: 'kubernetes',
  async ready(context) {
    const settings = await namespace.ready(context, clusterImage);
    await freeVolumes();
    const egress = `${near}:${await freePort()}`;
    return {
      ...settings,
      CORRAL_KUBERNETES_WORKSPACE: workspace,
      CORRAL_KUBERNETES_STORAGE_CLASS: workspace === 'volume' ? 'node' : '',
      CORRAL_KUBERNETES_EGRESS_ADDRESS: egress,
      CORRAL_KUBERNETES_EGRESS_LISTEN: egress,
    };
  },
  running: (sessionId) => namespace.names('pods', sessionId),
  remains: (sessionId) => namespace.names('pods,persistentvolumeclaims', sessionId),
  kill: unused,
  signalDaemon: unused,
  clear: async () => {}, // the namespace goes as a whole
});

stoppingIn(kubernetesWorld('ephemeral'));
if (isNightly) packagesIn(kubernetesWorld('ephemeral'));
