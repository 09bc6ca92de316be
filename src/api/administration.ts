import { z } from 'zod';
import { dayMs } from '../core/contracts/calendar.ts';
import { AuditRow } from '../sessions/api/server/administration.ts';
import type { DrainState } from '../sessions/api/services.ts';
import type { TrpcContext } from './procedure/context.ts';
import { defineOperations, router } from './procedure/procedure.ts';
import { Time } from './procedure/schemas.ts';

// The state of the server, for administrators and auditors.

const AuditInput = z.strictObject({
  /** The first and the last day, in UTC. */
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
  /** The action, such as `session.delete`, or its beginning, such as `session`. */
  action: z.string().max(100).optional(),
  target: z.string().max(200).optional(),
  /** The id of a key or person. */
  key: z.string().max(100).optional(),
  outcome: z.enum(['done', 'refused']).optional(),
  /** Part of a row, ignoring case. */
  text: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  /** `next` of the page before. */
  before: z
    .string()
    .regex(/^[\w-]{1,80}\.jsonl:\d{1,15}$/)
    .optional(),
});
const AuditPage = z.object({ rows: z.array(AuditRow), next: z.string().nullable() });
const exampleRow: z.output<typeof AuditRow> = {
  id: '20261124T120000000Z-5f0c3d9b21aa-000000.jsonl:4096',
  n: 12,
  at: '2026-11-24T12:00:00.000Z',
  action: 'session.delete',
  target: '4b82e1d09c3f7a56',
  outcome: 'done',
  by: 'key',
  key: '5f0c3d9b21aa',
  name: 'Ada',
  role: 'user',
  address: '10.0.0.7',
  request: 'req-1',
  detail: {},
};
const forAuditors = 'For the roles admin and auditor.';

/** The names of keys and people by the ids in the audit log. */
async function namesOf({ keys, people }: TrpcContext): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ...((await keys?.list()) ?? []).map(({ id, name }) => [id, name] as const),
    ...(people?.list() ?? []).map(({ id, name, email }) => [id, name ?? email ?? id] as const),
  ]);
}

// The server belongs to nobody: the role decides.
const operation = defineOperations({ tag: 'Server', prefix: '', style: 'server', find: async () => ({}) });

export const administrationRouter = router({
  audit: operation({
    rest: 'GET /api/v1/audit',
    id: 'audit',
    summary: 'Rows of the audit log of this server, the newest first',
    description: `${forAuditors} A page can have fewer rows than requested; the log ends where \`next\` is null.`,
    may: 'auditor',
    in: AuditInput,
    out: AuditPage,
    answer: { rows: [exampleRow], next: null },
    fails: [401, 403, 422, 501],
  }).query(async ({ ctx, input: { from, to, ...query } }) => {
    const days = { from: from && Date.parse(from), to: to && Date.parse(to) + dayMs };
    const [{ rows, next }, names] = await Promise.all([
      ctx.unchecked.administration.auditRows({ ...query, from: days.from || undefined, to: days.to || undefined }),
      namesOf(ctx),
    ]);
    return { rows: rows.map((row) => ({ ...row, name: names.get(row.key ?? '') ?? null })), next };
  }),
});

const Draining = z.object({
  /** While true this server creates no sessions, and unused sandboxes are paused. */
  draining: z.boolean(),
  since: Time.nullable(),
  /** Sessions of this server at work, which continue. */
  working: z.int(),
});
const DrainInput = z.strictObject({ draining: z.boolean() });
const drainView = ({ since, ...state }: DrainState): z.output<typeof Draining> => ({
  ...state,
  since: since === null ? null : new Date(since).toISOString(),
});

const exampleDrain = { draining: true, since: '2026-11-24T12:00:00.000Z', working: 2 };

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
    answer: exampleDrain,
    fails: [400, 401, 403, 422],
  }).mutation(({ ctx, input }) => drainView(ctx.unchecked.drain.set(input.draining))),
  get: operation({
    rest: 'GET /api/v1/drain',
    id: 'drainState',
    summary: 'Whether this server drains, and how many of its sessions are at work',
    may: 'any',
    out: Draining,
    answer: exampleDrain,
    fails: [401],
  }).query(({ ctx }) => drainView(ctx.unchecked.drain.state())),
});
