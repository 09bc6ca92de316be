import { freePort } from '../servers/free-port.ts';
import type { World } from '../worlds.ts';
import { clusterImage, freeVolumes } from './cluster.ts';
import type { ClusterNamespace } from './cluster-namespace.ts';

const near = '10.200.0.1'; // this machine's address for pods
const unused = () => Promise.reject(new Error('nothing here ends a sandbox from outside'));

/** The pods of a namespace as the sandboxes of a real server. Nothing ends them from outside. */
export const kubernetesWorld = (namespace: ClusterNamespace, workspace: 'ephemeral' | 'volume'): World => ({
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
  clear: async () => {}, // the whole namespace is deleted
});
