import { z } from 'zod';
import { toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { SandboxView } from '../../core/model/records.ts';
import { PauseKind } from '../../core/model/sandboxes/condition.ts';
import { ServiceStatus } from '../../core/model/services/recipe.ts';
import { type SandboxService, SandboxUsageView } from '../../sessions/api/sandboxes.ts';
import type { Services } from '../../sessions/api/services.ts';
import { defineOperations, procedure, router, sessionProcedure } from '../procedure/procedure.ts';
import { PathInput, ShellCommandInput, sessionTarget } from '../procedure/schemas.ts';
import { ForkCount, ForkResult } from '../views/snapshots.ts';

const Sandbox = SandboxView.extend({ id: z.string() });

const Executed = z.object({
  exitCode: z.int(),
  stdout: z.string(),
  stderr: z.string(),
  timedOut: z.boolean(),
  /** True if stdout or stderr exceeds 1 MiB. `wholeIn`: workspace files with the whole output. */
  truncated: z.boolean(),
  wholeIn: z.object({ stdout: z.string().optional(), stderr: z.string().optional() }),
});

export const sandboxOperationGroup = {
  tag: 'Sandboxes',
  prefix: 'sandboxes',
  style: 'session',
  texts: {
    404: 'No such session or snapshot, or the sandbox does not run',
    409: 'Not possible now: a run is in progress, or files keep changing',
    413: 'The files are larger than a snapshot may be',
    429: 'Your snapshots have reached their limit',
    501: 'The sandbox cannot keep what the pause should keep',
    503: 'The sandbox cannot start',
  },
} as const;
const operation = defineOperations(sandboxOperationGroup);
const base = '/api/v1/sessions/:sid=sessionId/sandbox';
const example: z.output<typeof Sandbox> = {
  condition: 'paused',
  keeps: 'memory',
  pause: 'memory',
  idleSeconds: 1_800,
  filesDamaged: null,
  state: 'running',
  id: 'sbx-0123456789abcdef',
  workdir: '/workspace',
  driver: 'docker',
};
const answered = { out: Sandbox, answer: example };
const changing = sessionProcedure.output(Sandbox);

type Change = (sandboxes: SandboxService, id: SessionId, signal: AbortSignal) => Promise<unknown>;
interface Call {
  readonly ctx: { readonly services: Pick<Services, 'sandboxes'>; readonly signal: AbortSignal };
  readonly input: { readonly sessionId: SessionId };
}
const thenStatus =
  (change: Change) =>
  async ({ ctx: { services, signal }, input: { sessionId } }: Call) => {
    await change(services.sandboxes, sessionId, signal);
    return await services.sandboxes.status(sessionId);
  };

export const sandboxRouter = router({
  status: operation({
    ...answered,
    rest: `GET ${base}`,
    summary: 'The state of the sandbox, and what a pause of it keeps; starts nothing',
    may: 'see',
    in: sessionTarget,
    fails: [404],
  }).query(({ ctx, input }) => ctx.services.sandboxes.status(input.sessionId)),

  /** Null if the sandbox is not running or cannot report usage. Does not delay the idle stop. */
  usage: sessionProcedure.output(SandboxUsageView.nullable()).query(async ({ ctx, input }) => {
    return (await ctx.services.sandboxes.usage(input.sessionId, ctx.signal)) ?? null;
  }),

  /** Does not start the sandbox. `absent`: the driver reports no such service. */
  services: sessionProcedure
    .output(z.array(ServiceStatus).readonly())
    .query(({ ctx, input }) => ctx.services.sandboxes.services(input.sessionId, ctx.signal)),

  start: changing.mutation(thenStatus((sandboxes, id, signal) => sandboxes.start(id, signal))),

  stop: changing.mutation(thenStatus((sandboxes, id) => sandboxes.stop(id))),

  pause: operation({
    ...answered,
    rest: `POST ${base}/pause`,
    summary: 'Pause the sandbox until its next use',
    description:
      'With `memory`, its processes are frozen and continue later. With `files`, they end, and the next use starts it ' +
      'again with its files. Responds once it is paused.',
    may: 'work',
    in: sessionTarget.extend({
      keeps: PauseKind.optional().describe('what it keeps; default: the most that the sandbox supports'),
    }),
    example: { keeps: 'files' },
    fails: [400, 404, 409, 501],
  }).mutation(({ ctx, input: { sessionId, keeps } }) =>
    ctx.services.sandboxes.pause(sessionId, { keeps, signal: ctx.signal }),
  ),
  resume: operation({
    ...answered,
    rest: `POST ${base}/resume`,
    summary: 'Resume a paused sandbox, or start one that does not run',
    may: 'work',
    in: sessionTarget,
    fails: [404, 503],
  }).mutation(thenStatus((sandboxes, id, signal) => sandboxes.start(id, signal))),

  /** The copies start with this sandbox's current files, but without its processes. */
  fork: procedure
    .input(sessionTarget.extend({ count: ForkCount.default(1) }))
    .output(z.array(ForkResult))
    .mutation(async ({ ctx, input: { sessionId, count } }) => {
      const created = await ctx.services.snapshots.fork(sessionId, { count, origin: 'trpc', signal: ctx.signal });
      return created.map((one) => {
        if ('session' in one) return { sessionId: one.session.id };
        const { code, publicMessage } = toAppError(one.error);
        return { error: { code, message: publicMessage } };
      });
    }),

  reset: changing.mutation(thenStatus((sandboxes, id, signal) => sandboxes.reset(id, signal))),

  /** Ends streams that use old E2B tokens. The SDKs get new ones from `connect`. */
  rotateTokens: changing.mutation(thenStatus((sandboxes, id) => sandboxes.rotateTokens(id))),

  exec: procedure
    .input(
      sessionTarget.extend({
        command: ShellCommandInput,
        cwd: PathInput.optional(),
        timeoutMs: z.int().min(1).max(600_000).optional(),
      }),
    )
    .output(Executed)
    .mutation(async ({ ctx, input: { sessionId, command, cwd, timeoutMs } }) => {
      const requested = { command, ...(cwd !== undefined && { cwd }), ...(timeoutMs !== undefined && { timeoutMs }) };
      const { wholeIn, ...ended } = await ctx.services.sandboxes.exec(sessionId, requested, ctx.signal);
      return { ...ended, truncated: wholeIn !== undefined, wholeIn: wholeIn ?? {} };
    }),
});
