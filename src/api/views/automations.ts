import { z } from 'zod';
import { ModelRef } from '../../agents/models/model-ref.ts';
import { AppError } from '../../core/errors/errors.ts';
import { RepositoryInputs } from '../../core/model/repository.ts';
import { Goal, GoalCheck } from '../../core/model/runs/goal.ts';
import * as stored from '../../sessions/api/server/automations.ts';
import { IsoTime } from '../procedure/schemas.ts';
import { SkillPins } from './session-options.ts';

export const AutomationId = z.string().transform((value): string => {
  if (/^[0-9a-f]{12}$/.test(value)) return value;
  throw new AppError('not_found', 'There is no such automation.');
});
const name = z
  .string()
  .max(255)
  .refine((text) => text.trim() !== '', 'must not be empty');

export const CronInput = z.strictObject({
  cron: z.string().max(200).describe('when it starts: minute, hour, day of the month, month, day of the week'),
  /** An IANA time zone name. */
  timezone: z.string().max(100).default('UTC'),
});
const ScheduleInput = CronInput.extend({
  /** Each start is delayed by up to this many seconds. */
  jitterSeconds: z.int().min(0).max(3_600).default(0),
  /** After downtime, `latest` starts the automation once, for the latest missed time. */
  missed: z.enum(['latest', 'none']).default('latest'),
});
const names = z.array(z.string().min(1).max(200)).max(50);
const HookInput = z.strictObject({
  source: z
    .enum(stored.hookSources)
    .describe('deliveries from outside start it: github, gitlab, gitea (or Forgejo), or json (Standard Webhooks)'),
  events: z
    .array(z.enum(stored.hookEvents))
    .max(stored.hookEvents.length)
    .default([])
    .describe(`the events that start it, at least one except for json: ${stored.hookEvents.join(', ')}`),
  repositories: names.default([]).describe('only these repositories, each as owner/name; default: all'),
  label: z.string().min(1).max(100).nullable().default(null).describe('issue.labelled: with this label alone'),
  account: z
    .string()
    .regex(/^[\w.-]{1,100}$/, 'is not the name of an account')
    .nullable()
    .default(null)
    .describe('comment.mention: of this account, without @; issue.assigned: to it'),
  senders: names.default([]).describe('only events caused by these accounts; default: anyone'),
  template: z
    .string()
    .min(1)
    .max(10_000)
    .nullable()
    .default(null)
    .describe('json: the text for the agent, with {{path.of.a.field}}; default: the whole delivery'),
});
const AfterInput = z
  .strictObject({
    of: z.enum(['session', 'automation', 'project']),
    id: z.string().max(100),
    outcome: z.enum(['done', 'failed', 'any']).default('done').describe('the outcome that starts it; default: done'),
  })
  .refine(({ of, id }) => idForms[of].test(id), 'is not an id of that kind');
const idForms = {
  session: /^[0-9a-f]{16}$/,
  automation: /^[0-9a-f]{12}$/,
  project: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};
const atLimit = 'at the limit the run asks to continue';
const BudgetInput = z.strictObject({
  turns: z.int().min(1).max(1_000_000).nullable().default(null),
  tokens: z.int().min(1).nullable().default(null).describe(`maximum tokens per session; ${atLimit}`),
  cost: z
    .number()
    .min(0)
    .max(1e6)
    .nullable()
    .default(null)
    .describe(`maximum cost per session in the price list's currency; ${atLimit}`),
  toolCalls: z
    .int()
    .min(1)
    .max(1_000_000)
    .nullable()
    .default(null)
    .describe(`maximum tool calls per session; ${atLimit}`),
  /** Maximum working time, in seconds. */
  seconds: z
    .int()
    .min(1)
    .max(365 * 86_400)
    .nullable()
    .default(null),
});
const fields = {
  name,
  /** `prebuild` prepares the repositories for later sessions, but does not run an agent. */
  kind: z.enum(stored.automationKinds),
  message: z.string().max(200_000).describe('the message to the agent at each start; empty for a prebuild'),
  goal: Goal.nullable(),
  repositories: RepositoryInputs,
  projectId: z.uuid().nullable(),
  template: z.string().max(100).nullable().describe('the template of its sessions'),
  model: ModelRef.nullable().describe('the model of its sessions, provider/model'),
  skills: SkillPins,
  schedule: ScheduleInput.nullable(),
  hook: HookInput.nullable(),
  after: AfterInput.nullable(),
  /** In addition to limits from the template and the server. The smallest limit applies. */
  budget: BudgetInput.nullable(),
  whileRunning: z
    .enum(['skip', 'queue', 'stop'])
    .describe('what to do while earlier starts are running: skip, queue or stop (the oldest one); default: skip'),
  maxRunning: z.int().min(1).max(20),
  /** Pauses the automation after this many failures in a row. */
  maxFailures: z.int().min(1).max(100),
  shared: z.boolean(),
};
export const NewAutomation = z
  .strictObject({
    ...fields,
    kind: fields.kind.default('run'),
    message: fields.message.default(''),
    goal: fields.goal.default(null),
    repositories: fields.repositories.default([]),
    projectId: fields.projectId.default(null),
    template: fields.template.default(null),
    model: fields.model.default(null),
    skills: fields.skills.default([]),
    schedule: fields.schedule.default(null),
    hook: fields.hook.default(null),
    after: fields.after.default(null),
    budget: fields.budget.default(null),
    whileRunning: fields.whileRunning.default('skip'),
    maxRunning: fields.maxRunning.default(1),
    maxFailures: fields.maxFailures.default(5),
    shared: fields.shared.default(false),
  })
  .refine(({ kind, message }) => kind !== 'run' || message.trim() !== '', {
    path: ['message'],
    error: 'must not be empty',
  });
export const AutomationChange = z.strictObject({
  ...z.object(fields).partial().shape,
  /** The change is refused unless the automation still has this version. */
  version: z.int().min(1).optional(),
});
const AutomationRepository = z.object({
  url: z.string(),
  ref: z.string().optional(),
  path: z.string().optional(),
  depth: z.int().optional(),
  access: z.enum(['read', 'write']),
});
export const Automation = stored.Automation.omit({ owner: true, program: true, secretAt: true }).extend({
  goal: z.object({ rubric: z.string().optional(), checks: z.array(GoalCheck), maxRevisions: z.int() }).nullable(),
  repositories: z.array(AutomationRepository).readonly(),
  hook: stored.HookSpec.extend({
    path: z.string(),
    /** Null if there is no secret. Without a secret, every delivery is refused. */
    secretAt: IsoTime.nullable(),
  }).nullable(),
  paused: stored.AutomationPause.omit({ failure: true }).extend({ at: IsoTime }).nullable(),
  nextAt: IsoTime.nullable(),
  createdAt: IsoTime,
  updatedAt: IsoTime,
});
const { schedule, person, hook, run } = stored.automationStartCauses;
export const AutomationStart = stored.AutomationStart.omit({
  automationId: true,
  given: true,
  chain: true,
  agent: true,
  failure: true,
}).extend({
  cause: z.discriminatedUnion('kind', [schedule.extend({ dueAt: IsoTime }), person, hook, run]),
  at: IsoTime,
  sessionId: z.string().nullable(),
  endedAt: IsoTime.nullable(),
});
/** The only response that contains the secret. */
export const HookSecret = z.object({ secret: z.string(), path: z.string() });
export const HookDeliveryResult = z.object({ started: z.boolean(), text: z.string() });
export const hookPath = (id: string): string => `/api/v1/hooks/${id}`;
export const AutomationStartsInput = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** The `id` and `at` of the last entry that the caller has received. */
  afterId: z.string().max(100).optional(),
  afterAt: z.iso.datetime().optional(),
});
export const toAutomationStartsQuery = ({ limit, afterId, afterAt }: z.output<typeof AutomationStartsInput>) => ({
  limit,
  ...(afterId !== undefined && afterAt !== undefined && { after: { id: afterId, at: Date.parse(afterAt) } }),
});

export const toAutomationView = ({ secretAt, ...doc }: stored.Automation) => ({
  ...doc,
  hook: doc.hook && { ...doc.hook, path: hookPath(doc.id), secretAt },
  nextAt: doc.paused ? null : doc.nextAt,
});
