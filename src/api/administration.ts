import { z } from 'zod';
import { forEachConcurrent } from '../core/concurrency/for-each-concurrent.ts';
import { dayMs } from '../core/contracts/calendar.ts';
import { toAppError } from '../core/errors/errors.ts';
import { AuditRow } from '../core/model/access/audit.ts';
import { canObserveAll } from '../core/model/principal.ts';
import { RunningSandboxView, ServerOverview, WaitingRun } from '../sessions/api/server/administration.ts';
import type { DrainState } from '../sessions/api/services.ts';
import type { TrpcContext } from './procedure/context.ts';
import { defineOperations, router } from './procedure/procedure.ts';
import { IsoTime } from './procedure/schemas.ts';

const AuditInput = z.strictObject({
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
  /** An action, such as `session.delete`, or a prefix, such as `session`. */
  action: z.string().max(100).optional(),
  target: z.string().max(200).optional(),
  /** The id of a key or person. */
  key: z.string().max(100).optional(),
  outcome: z.enum(['done', 'refused']).optional(),
  text: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
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

const ownerName = z.string().nullable();
const Overview = ServerOverview.extend({
  sandboxes: z.array(RunningSandboxView.extend({ ownerName })),
  queue: z.array(WaitingRun.extend({ ownerName, since: IsoTime })),
});
const example = {
  session: { sessionId: '4b82e1d09c3f7a56', title: 'Fix the login page', owner: '5f0c3d9b21aa', ownerName: 'Ada' },
  project: { id: '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10', name: 'Website', owner: '5f0c3d9b21aa', ownerName: 'Ada' },
};
const exampleOverview: z.output<typeof Overview> = {
  running: 3,
  waiting: 1,
  sandboxes: [
    {
      ...example.session,
      host: 'node-1',
      isPaused: false,
      usage: { cpuSeconds: 12.5, memoryBytes: 310_000_000, memoryLimitBytes: 2_147_483_648, processes: 9 },
    },
  ],
  queue: [{ ...example.session, since: '2026-11-24T12:00:00.000Z', reason: 'budget', budget: 'person' }],
  storage: {
    store: 'sqlite',
    bytes: 734_003_200,
    blobs: 'local',
    uploads: 120,
    snapshots: 4,
    freeBytes: 81_604_378_624,
  },
};

const ProjectsInput = z.strictObject({
  skip: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const ProjectRow = z.object({
  id: z.string(),
  name: z.string(),
  owner: z.string().nullable(),
  ownerName,
  members: z.int(),
  sessions: z.int(),
  createdAt: IsoTime,
});

async function readNames({ keys, people }: TrpcContext): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ...((await keys?.list()) ?? []).map(({ id, name }) => [id, name] as const),
    ...(people?.list() ?? []).flatMap(({ id, owner, name, email }) =>
      [owner, id].map((one) => [one, name ?? email ?? id] as const),
    ),
  ]);
}

function withOwner<Row extends { readonly owner: string | null }>(row: Row, names: ReadonlyMap<string, string>) {
  return { ...row, ownerName: names.get(row.owner ?? '') ?? null };
}

const mostStopped = 10_000;
const stoppedAtOnce = 16;

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
      readNames(ctx),
    ]);
    return { rows: rows.map((row) => ({ ...row, name: names.get(row.key ?? '') ?? null })), next };
  }),

  overview: operation({
    rest: 'GET /api/v1/administration',
    id: 'overview',
    summary: 'The running sandboxes with their load, the waiting runs, and the storage',
    description: `${forAuditors} The processor time of a sandbox counts from its start.`,
    may: 'auditor',
    out: Overview,
    answer: exampleOverview,
    fails: [401, 403],
  }).query(async ({ ctx }) => {
    const [{ sandboxes, queue, ...overview }, names] = await Promise.all([
      ctx.unchecked.administration.overview(ctx.signal),
      readNames(ctx),
    ]);
    const named = <Row extends { readonly owner: string | null }>(row: Row) => withOwner(row, names);
    return { ...overview, sandboxes: sandboxes.map(named), queue: queue.map(named) };
  }),

  projects: operation({
    rest: 'GET /api/v1/administration/projects',
    id: 'allProjects',
    summary: 'The projects of all owners, with their numbers of members and sessions',
    description: forAuditors,
    may: 'auditor',
    in: ProjectsInput,
    out: z.object({ projects: z.array(ProjectRow), total: z.int() }),
    answer: { projects: [{ ...example.project, members: 3, sessions: 42, createdAt: exampleRow.at }], total: 1 },
    fails: [401, 403, 422],
  }).query(async ({ ctx, input }) => {
    const [{ projects, total }, names] = await Promise.all([ctx.services.projects.list(input), readNames(ctx)]);
    const counts = await ctx.unchecked.administration.countSessions(
      'parent',
      projects.map(({ id }) => id),
    );
    const rows = projects.map(({ id, name, owner = null, members, createdAt }, n) => {
      const row = { id, name, owner, createdAt: new Date(createdAt).toISOString() };
      const count = members.length + (owner === null ? 0 : 1);
      return { ...withOwner(row, names), members: count, sessions: counts[n] ?? 0 };
    });
    return { projects: rows, total };
  }),

  stopAll: operation({
    rest: 'POST /api/v1/administration/stop',
    id: 'stopAll',
    summary: 'Stop the runs of all sessions, including waiting runs; the sessions are kept',
    description:
      'For the role operator. Runs that begin in the meantime continue: drain the server first to admit no new sessions.',
    may: 'operator',
    audit: 'server.stop-all',
    out: z.object({ stopped: z.int(), failed: z.int() }),
    answer: { stopped: 4, failed: 0 },
    fails: [401, 403],
  }).mutation(async ({ ctx: { services } }) => {
    const keep = () => true;
    const listed = (status: 'running' | 'waiting') =>
      services.sessions.list({ status, limit: mostStopped, after: undefined, keep });
    const sessions = (await Promise.all([listed('running'), listed('waiting')])).flat();
    const outcomes = { stopped: 0, failed: 0 };
    await forEachConcurrent(sessions, stoppedAtOnce, async ({ id }) => {
      const stopped = await services.sessions.stop(id).catch((thrown: unknown) => toAppError(thrown).code);
      if (typeof stopped === 'object') outcomes.stopped += stopped.stopped ? 1 : 0;
      else if (stopped !== 'session_not_found') outcomes.failed++;
    });
    return outcomes;
  }),
});

const Draining = z.object({
  /** While true, the server creates no sessions, and pauses or stops unused sandboxes. */
  draining: z.boolean(),
  since: IsoTime.nullable(),
  /** Number of working sessions. Null if the caller cannot see other owners' sessions. */
  working: z.int().nullable(),
});
const DrainInput = z.strictObject({ draining: z.boolean() });
const drainView = (
  { since, working, ...state }: DrainState,
  { principal }: Pick<TrpcContext, 'principal'>,
): z.output<typeof Draining> => ({
  ...state,
  working: canObserveAll(principal) ? working : null,
  since: since === null ? null : new Date(since).toISOString(),
});

const exampleDrain = { draining: true, since: '2026-11-24T12:00:00.000Z', working: 2 };

export const drainRouter = router({
  set: operation({
    rest: 'PUT /api/v1/drain',
    id: 'drain',
    summary:
      'Start or stop draining this server for maintenance: no new sessions, unused sandboxes pause, work continues',
    description: 'For the role operator. The state applies to this server only, and is cleared when it stops.',
    may: 'operator',
    audit: 'server.drain',
    in: DrainInput,
    out: Draining,
    example: { draining: true },
    answer: exampleDrain,
    fails: [400, 401, 403, 422],
  }).mutation(({ ctx, input }) => drainView(ctx.unchecked.drain.set(input.draining), ctx)),
  get: operation({
    rest: 'GET /api/v1/drain',
    id: 'drainState',
    summary: 'Whether this server is draining, and how many of its sessions are working',
    may: 'any',
    out: Draining,
    answer: exampleDrain,
    fails: [401],
  }).query(({ ctx }) => drainView(ctx.unchecked.drain.state(), ctx)),
});
