import { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import {
  Checkpoint,
  CheckpointDiff,
  CheckpointNumber,
  checkpointRange,
  Restored,
} from '../../api/views/repositories.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { okEnveloped, success } from '../shared/envelope.ts';
import { about, base, type CallerServices, params } from './about.ts';

const numberInPath = z.coerce.number().pipe(CheckpointNumber);
const one = params.extend({ number: numberInPath.describe('the checkpoint') });
const Range = z.strictObject({
  to: numberInPath.optional().describe('another checkpoint; default: the files as they are now'),
});
const example = { number: 1, runId: '0123456789ab', seq: 42, at: '2026-11-24T12:00:00.000Z', files: 2 };
const fails = [400, 404, 409, 501];

/** The files of a session as each of its runs left them. */
export function mountCheckpoints(app: App, acting: CallerServices): void {
  app.get(
    `${base}/checkpoints`,
    {
      schema: {
        params,
        response: { 200: okEnveloped(z.object({ checkpoints: z.array(Checkpoint) }), { checkpoints: [example] }) },
      },
      config: { doc: about('Checkpoints', 'List the checkpoints, the newest last; starts nothing', { fails: [404] }) },
    },
    async ({ params: { sid }, principal }) => {
      const all = await acting(principal).services.checkpoints.list(toSessionId(sid));
      return success({ checkpoints: all.map(({ at, ...rest }) => ({ ...rest, at: new Date(at).toISOString() })) });
    },
  );
  app.get(
    `${base}/checkpoints/:number/diff`,
    {
      schema: {
        params: one,
        querystring: Range,
        response: { 200: okEnveloped(CheckpointDiff, { text: '', truncated: false, files: [] }) },
      },
      config: { doc: about('CheckpointDiff', 'The changes from a checkpoint to another, or until now', { fails }) },
    },
    async ({ params: { sid, number }, query: { to }, principal }, reply) => {
      const { checkpoints } = acting(principal).services;
      const signal = abortOnDisconnect(reply);
      return success(await checkpoints.diff(toSessionId(sid), checkpointRange(number, to), signal));
    },
  );
  app.post(
    `${base}/checkpoints/:number/restore`,
    {
      schema: { params: one, response: { 200: okEnveloped(Restored, { before: 3 }) } },
      config: {
        doc: about('Restore', 'Give the workspace the files of a checkpoint', {
          description: 'The files until then are a checkpoint too, `before`, so that it can be taken back.',
          fails,
        }),
      },
    },
    async ({ params: { sid, number }, principal }, reply) => {
      const { checkpoints } = acting(principal).services;
      return success(await checkpoints.restore(toSessionId(sid), number, abortOnDisconnect(reply)));
    },
  );
}
