import { servicesOn } from '../job/session-on/services-on.ts';
import { clusterImage, kubectl, load } from '../support/cluster/cluster.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { standInImage } from '../support/sandboxes/stand-in-services.ts';

const namespace = await clusterNamespace('services');
const pods = (sessionId: string) => namespace.names('pods', sessionId);
const podOf = async (sessionId: string) => {
  const [pod] = await pods(sessionId);
  if (!pod) throw new Error('the session has no pod');
  return pod;
};

servicesOn({
  driver: 'kubernetes',
  ready: async (context) => {
    const settings = await namespace.ready(context, clusterImage);
    await load(standInImage);
    return { ...settings, CORRAL_SANDBOX_SERVICE_IMAGES: standInImage };
  },
  remains: pods,
  running: 1,
  addressOf: async (sessionId) =>
    await kubectl('get', ...namespace.of, await podOf(sessionId), '--output=jsonpath={.status.podIP}'),
  asService: async (sessionId, service, program) =>
    await kubectl(
      'exec',
      ...namespace.of,
      await podOf(sessionId),
      `--container=svc-${service}`,
      '--',
      'python3',
      '-c',
      program,
    ),
});
