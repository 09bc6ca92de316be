import { sessionOn } from '../job/session-on/session-on.ts';
import { desktopOnCluster } from '../support/cluster/cluster.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';

const namespace = await clusterNamespace('session');

sessionOn({
  driver: 'kubernetes',
  ready: (context) => namespace.ready(context, desktopOnCluster),
  remains: (sessionId) => namespace.names('pods,persistentvolumeclaims', sessionId),
});
