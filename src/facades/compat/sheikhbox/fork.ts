import { idempotencyHeader } from '../../../http/routes/route-docs.ts';
import type { App } from '../../../http/routes/routes.ts';
import { success } from '../../shared/envelope.ts';
import { toSessionId } from '../../shared/session-id.ts';
import { about, base, type SheikhboxContext } from './context.ts';
import * as replies from './replies.ts';
import { ForkBody, SessionParams as params } from './schemas.ts';

/** Sessions that begin with the conversation and the files of another. */
export function mountFork(app: App, { sessions, idempotency }: SheikhboxContext): void {
  app.post(
    `${base}/:sid/fork`,
    {
      schema: { params, body: ForkBody, response: { 200: replies.forkedSession } },
      config: {
        doc: about('Fork', 'Begin a new session where a step or a run of this one ended', {
          description:
            'The new session has the conversation up to there, and the files as of then: `forked_from.files` is `kept`, or says ' +
            'why it begins without files.',
          headers: idempotencyHeader,
          bodyExample: { seq: 20 },
          fails: [400, 404, 409],
        }),
      },
    },
    (request, reply) => {
      const { seq, title, files } = request.body;
      const wish = { ...(seq && { seq }), ...(title && { title }), ...(typeof files === 'boolean' && { files }) };
      return idempotency.once(request, reply, async () => {
        const { id, forkedFrom } = await sessions.fork(toSessionId(request.params.sid), {
          origin: 'sheikhbox',
          ...wish,
        });
        const { sessionId = '', seq: at = 0, files: kept = 'off' } = forkedFrom ?? {};
        return success({ session_id: id, forked_from: { session_id: sessionId, seq: at, files: kept } });
      });
    },
  );
}
