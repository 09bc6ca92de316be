import { z } from 'zod';
import type { DrainState } from '../sessions/api/services.ts';
import { defineOperations, router } from './procedure/procedure.ts';
import { Time } from './procedure/schemas.ts';

const Draining = z.object({
  /** While true this server creates no sessions, and unused sandboxes are paused. */
  draining: z.boolean(),
  since: Time.nullable(),
  /** Sessions of this server at work, which continue. */
  working: z.int(),
});
const DrainInput = z.strictObject({ draining: z.boolean() });
const view = ({ since, ...state }: DrainState): z.output<typeof Draining> => ({
  ...state,
  since: since === null ? null : new Date(since).toISOString(),
});

const operation = defineOperations({
  tag: 'Server',
  prefix: '',
  style: 'server',
  find: async () => ({}), // it belongs to nobody: the role decides
});
const answer = { draining: true, since: '2026-11-24T12:00:00.000Z', working: 2 };

export const drainRouter = router({
  set: operation({
    rest: 'PUT /api/v1/drain',
    id: 'drain',
    summary:
      'Drain this server before maintenance, or end that: no new sessions, unused sandboxes pause, work continues',
    description: 'For the role operator. The state is of this server alone, and ends with it.',
    may: 'operator',
    audit: 'server.drain',
    in: DrainInput,
    out: Draining,
    example: { draining: true },
    answer,
    fails: [400, 401, 403, 422],
  }).mutation(({ ctx, input }) => view(ctx.unchecked.drain.set(input.draining))),
  get: operation({
    rest: 'GET /api/v1/drain',
    id: 'drainState',
    summary: 'Whether this server drains, and how many of its sessions are at work',
    may: 'any',
    out: Draining,
    answer,
    fails: [401],
  }).query(({ ctx }) => view(ctx.unchecked.drain.state())),
});
