import { z } from 'zod';
import { AutomationId, HookAnswer } from '../../api/views/automations.ts';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { describing, ok } from '../../http/routes/route-docs.ts';
import type { FacadeRoutes } from '../../http/routes/routes.ts';
import type { FacadeParts } from '../shared/facade.ts';

const about = describing({ tag: 'Automations', prefix: 'automations', failures: detailFailures });
const maxDeliveryBytes = 1_048_576;

/** The addresses to which programs outside deliver. No key opens them: the signature of each delivery decides. */
export const hookRoutes = ({ services }: Pick<FacadeParts, 'services'>): FacadeRoutes => ({
  mount(app) {
    app.post(
      '/api/v1/hooks/:id',
      {
        bodyLimit: maxDeliveryBytes,
        schema: {
          params: z.object({ id: AutomationId }),
          response: { 200: ok(HookAnswer, { started: true, text: 'The automation starts.' }) },
        },
        config: {
          open: true,
          doc: about('Deliver', 'Deliver an event of GitHub, GitLab, Gitea, Forgejo or another program, signed', {
            description:
              'The signature of the delivery is its only credential. Each delivery starts the automation once.',
            fails: [400, 404, 413, 429],
          }),
        },
      },
      async ({ params, headers, rawBody = Buffer.alloc(0) }) => {
        const given = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]);
        return await services.automations.receive(params.id, { headers: Object.fromEntries(given), body: rawBody });
      },
    );
  },
});
