import { toSessionId } from '../../api/procedure/session-id.ts';
import { PauseInput, SandboxStatus } from '../../api/views/sandboxes.ts';
import type { FacadeRoutes } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { okEnveloped, success } from '../shared/envelope.ts';
import type { FacadeParts } from '../shared/facade.ts';
import { about, base, params } from './about.ts';
import { mountBoxes } from './boxes.ts';
import { mountSnapshots } from './snapshots.ts';
import { mountTemplateBuilds } from './template-builds.ts';

const example = {
  condition: 'paused' as const,
  keeps: 'memory' as const,
  pause: 'memory' as const,
  idleSeconds: 1_800,
  filesDamaged: null,
  state: 'running' as const,
  id: 'sbx-0123456789abcdef',
  workdir: '/workspace',
  driver: 'docker',
};
const response = { 200: okEnveloped(SandboxStatus, example) };

/** The state of a session's sandbox, and its pause. */
export const sandboxRoutes = (acting: FacadeParts['acting']): FacadeRoutes => ({
  mount(app) {
    mountSnapshots(app, acting);
    mountTemplateBuilds(app, acting);
    mountBoxes(app, acting);
    app.get(
      base,
      {
        schema: { params, response },
        config: {
          doc: about('Status', 'The state of the sandbox, and what a pause of it keeps; starts nothing', {
            fails: [404],
          }),
        },
      },
      async ({ params: { sid }, principal }) =>
        success(await acting(principal).services.sandboxes.status(toSessionId(sid))),
    );
    app.post(
      `${base}/pause`,
      {
        schema: { params, body: PauseInput, response },
        config: {
          doc: about('Pause', 'Pause the sandbox until its next use', {
            description:
              'With `memory` its processes freeze and go on later. With `files` they end, and the next use starts it again ' +
              'on its files. The answer comes when it is paused.',
            bodyExample: { keeps: 'files' },
            fails: [400, 404, 409, 501],
          }),
        },
      },
      async ({ params: { sid }, body: { keeps }, principal }, reply) => {
        const { sandboxes } = acting(principal).services;
        return success(await sandboxes.pause(toSessionId(sid), { keeps, signal: abortOnDisconnect(reply) }));
      },
    );
    app.post(
      `${base}/resume`,
      {
        schema: { params, response },
        config: {
          doc: about('Resume', 'Resume a paused sandbox, or start one that does not run', { fails: [404, 503] }),
        },
      },
      async ({ params: { sid }, principal }, reply) => {
        const { sandboxes } = acting(principal).services;
        const id = toSessionId(sid);
        await sandboxes.start(id, abortOnDisconnect(reply));
        return success(await sandboxes.status(id));
      },
    );
  },
});
