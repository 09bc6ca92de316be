// @module-tag nightly
import { docker } from '../../support/sandboxes/docker.ts';
import { standInImage } from '../../support/sandboxes/stand-in-services.ts';
import { needs } from '../../support/servers/components.ts';
import { servicesOn } from './services-on.ts';

const containers = async (...filters: string[]) => {
  const of = filters.flatMap((filter) => ['--filter', filter]);
  return (await docker('ps', '-aq', ...of)).split('\n').filter(Boolean);
};

servicesOn({
  driver: 'docker',
  ready: async (context) => {
    await needs(context, 'docker');
    return { CORRAL_SANDBOX_SERVICE_IMAGES: standInImage };
  },
  remains: (sessionId) => containers(`label=corral.session=${sessionId}`),
  running: 4,
  asService: async (sessionId, service, program) => {
    const [container = 'none'] = await containers(`label=corral.session=${sessionId}`, `name=-svc-${service}`);
    return await docker('exec', container, 'python3', '-c', program);
  },
});
