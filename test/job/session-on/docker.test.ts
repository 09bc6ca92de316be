import { docker } from '../../support/sandboxes/docker.ts';
import { needs } from '../../support/servers/components.ts';
import { sessionOn } from './session-on.ts';

const lines = (text: string) => text.split('\n').filter(Boolean);

sessionOn({
  driver: 'docker',
  async ready(context) {
    await needs(context, 'docker');
    return {};
  },
  async remains(sessionId) {
    const of = ['--filter', `label=corral.session=${sessionId}`, '--quiet'];
    return [...lines(await docker('ps', '--all', ...of)), ...lines(await docker('volume', 'ls', ...of))];
  },
});
