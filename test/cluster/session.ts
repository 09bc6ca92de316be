import { sessionOn } from '../job/session-on/session-on.ts';
import { variantOnCluster } from '../support/cluster/cluster.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';

const namespace = await clusterNamespace('session');

sessionOn({
  driver: 'kubernetes',
  ready: (context) => namespace.ready(context, () => variantOnCluster('desktop')),
  remains: (sessionId) => namespace.names('pods,persistentvolumeclaims', sessionId),
});
