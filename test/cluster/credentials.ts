// The pods of the test cluster are processes of this machine, which the canary reads as it reads those of bubblewrap.
import { describe } from 'vitest';
import { codeOnCluster, hasCluster } from '../support/cluster.ts';
import { clusterNamespace } from '../support/cluster-namespace.ts';
import { canaryOfCredentials } from '../support/credential-canary.ts';
import { type World, worlds } from '../support/worlds.ts';

const namespace = await clusterNamespace('credentials');
const cluster = await hasCluster();
const processes = worlds.find(({ driver }) => driver === 'process') as World;

describe.skipIf(!cluster)('credentials and pods', () => {
  canaryOfCredentials({
    ...processes,
    driver: 'kubernetes',
    ready: (context) => namespace.ready(context, codeOnCluster),
    remains: (sessionId) => namespace.names('pods,persistentvolumeclaims', sessionId),
  });
});
