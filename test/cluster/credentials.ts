// The pods of the test cluster are processes of this machine, which the canary reads as it reads those of bubblewrap.
import { describe } from 'vitest';
import { hasCluster } from '../support/cluster/cluster.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { kubernetesWorld } from '../support/cluster/kubernetes-world.ts';
import { canaryOfCredentials } from '../support/egress/credential-canary.ts';
import { type World, worlds } from '../support/worlds.ts';

const namespace = await clusterNamespace('credentials');
const cluster = await hasCluster();
const { driver, ready, remains } = kubernetesWorld(namespace, 'ephemeral');
const processes = worlds.find((it) => it.driver === 'process') as World;

describe.skipIf(!cluster)('credentials and pods', () => {
  canaryOfCredentials({ ...processes, driver, ready, remains });
});
