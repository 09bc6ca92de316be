import { z } from 'zod';
import * as stored from '../../sessions/api/repositories.ts';
import { defineOperations, router } from '../procedure/procedure.ts';
import { sessionTarget, toIsoTime } from '../procedure/schemas.ts';
import { repositoryOperationGroup } from './repositories.ts';

const number = z.int().min(0).max(99_999_999);
const Checkpoint = stored.Checkpoint.extend({ at: z.iso.datetime() });
const example = { number: 1, runId: '0123456789ab', seq: 42, at: '2026-11-24T12:00:00.000Z', files: 2 };
const operation = defineOperations(repositoryOperationGroup);
const base = '/api/v1/sessions/:sid=sessionId/checkpoints';
const fails = [400, 404, 409, 501];

export const checkpointsRouter = router({
  list: operation({
    rest: `GET ${base}`,
    id: 'Checkpoints',
    summary: 'List the checkpoints, the newest last; starts nothing',
    may: 'read',
    in: sessionTarget,
    out: z.array(Checkpoint),
    answer: [example],
    reply: { schema: z.object({ checkpoints: z.array(Checkpoint) }), value: (checkpoints) => ({ checkpoints }) },
    fails: [404],
  }).query(async ({ ctx, input }) =>
    (await ctx.services.checkpoints.list(input.sessionId)).map(({ at, ...one }) => ({ ...one, at: toIsoTime(at) })),
  ),
  diff: operation({
    rest: `GET ${base}/:number=from/diff`,
    id: 'CheckpointDiff',
    summary: 'The changes from one checkpoint to another, or to the current files',
    may: 'read',
    in: sessionTarget.extend({
      from: number.describe('the checkpoint'),
      to: number.optional().describe('another checkpoint; default: the files as they are now'),
    }),
    out: stored.DiffText.extend({ files: z.array(stored.GitChange).readonly() }),
    answer: { text: '', truncated: false, files: [] },
    fails,
  }).query(({ ctx, input: { sessionId, from, to } }) =>
    ctx.services.checkpoints.diff(sessionId, { from, ...(to !== undefined && { to }) }, ctx.signal),
  ),
  restore: operation({
    rest: `POST ${base}/:number/restore`,
    summary: 'Restore the files of the workspace from a checkpoint',
    description: 'The current files are saved first as the checkpoint `before`, so that the restore can be undone.',
    may: 'work',
    in: sessionTarget.extend({ number: number.describe('the checkpoint') }),
    out: z.object({ before: z.int().describe('the checkpoint of the files as they were before the restore') }),
    answer: { before: 3 },
    fails,
  }).mutation(({ ctx, input }) => ctx.services.checkpoints.restore(input.sessionId, input.number, ctx.signal)),
});
