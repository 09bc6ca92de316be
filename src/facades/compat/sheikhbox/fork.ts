import { toSessionId } from '../../../api/procedure/session-id.ts';
import type { App } from '../../../http/routes/routes.ts';
import { toSuccessEnvelope } from '../../shared/envelope.ts';
import { describeRoute, type SheikhboxContext, sessionsPath } from './context.ts';
import * as replies from './replies.ts';
import { EditBody, ForkBody, SessionParams as params } from './schemas.ts';

export function mountFork(app: App, { sessions }: SheikhboxContext): void {
  app.post(
    `${sessionsPath}/:sid/fork`,
    describeRoute('Fork', 'Begin a new session where a step or a run of this one ended', {
      schema: { params, body: ForkBody, response: { 200: replies.forkedSessionReply } },
      config: { once: 200 },
      description:
        'The new session has the conversation up to there, and the files as of then: `forked_from.files` is `kept`, or says ' +
        'why it begins without files.',
      bodyExample: { seq: 20 },
      fails: [400, 404, 409],
    }),
    async ({ params: { sid }, body: { seq, title, files } }) => {
      const requested = { ...(seq && { seq }), ...(title && { title }), ...(typeof files === 'boolean' && { files }) };
      const { id, forkedFrom } = await sessions.fork(toSessionId(sid), { origin: 'sheikhbox', ...requested });
      const { sessionId = '', seq: at = 0, files: kept = 'off' } = forkedFrom ?? {};
      return toSuccessEnvelope({ session_id: id, forked_from: { session_id: sessionId, seq: at, files: kept } });
    },
  );
  app.post(
    `${sessionsPath}/:sid/edit`,
    describeRoute('Edit', 'Send a message in another wording, as a branch', {
      schema: { params, body: EditBody, response: { 200: replies.editedMessageReply } },
      config: { once: 200 },
      description:
        'The new session has everything before the message, and the files that the run before it left: `files` is ' +
        '`kept`, or says why it begins without files. The edited session stays as it is.',
      bodyExample: { seq: 21, message: 'Say hello instead' },
      fails: [400, 404, 409],
    }),
    async ({ params: { sid }, body: { seq, message: text, attachments, stop_run: stopsRun } }) => {
      const requested = { seq, text, attachments: attachments ?? [], stopsRun: stopsRun === true };
      const { session, sent } = await sessions.edit(toSessionId(sid), { origin: 'sheikhbox', ...requested });
      const { id, forkedFrom, branch } = session;
      return toSuccessEnvelope({
        session_id: id,
        branch: { session_id: branch?.sessionId ?? id, seq: branch?.seq ?? seq },
        files: forkedFrom?.files ?? 'off',
        run_id: sent.runId,
      });
    },
  );
}
