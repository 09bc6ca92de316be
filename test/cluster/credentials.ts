// The pods of the test cluster are processes of this machine, which the canary reads as it reads those of bubblewrap.
import { describe } from 'vitest';
import { clusterImage, hasCluster } from '../support/cluster/cluster.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { canaryOfCredentials } from '../support/egress/credential-canary.ts';
import { freePort } from '../support/servers/free-port.ts';
import { type World, worlds } from '../support/worlds.ts';

const namespace = await clusterNamespace('credentials');
const cluster = await hasCluster();
const near = '10.200.0.1'; // this machine's address for pods
const processes = worlds.find(({ driver }) => driver === 'process') as World;

describe.skipIf(!cluster)('credentials and pods', () => {
  canaryOfCredentials({
    ...processes,
    driver: 'kubernetes',
    async ready(context) {
      const settings = await namespace.ready(context, clusterImage);
      const egress = `${near}:${await freePort()}`;
      return { ...settings, CORRAL_KUBERNETES_EGRESS_ADDRESS: egress, CORRAL_KUBERNETES_EGRESS_LISTEN: egress };
    },
    remains: (sessionId) => namespace.names('pods,persistentvolumeclaims', sessionId),
  });
});
