import { z } from 'zod';
import { ModelRef } from '../../agents/models/model-ref.ts';
import { AppError } from '../../core/errors/errors.ts';
import { Outcome } from '../../core/model/records.ts';
import type {
  Automation as AutomationDoc,
  AutomationSpec,
  AutomationStart as StartDoc,
} from '../../sessions/api/server/automations.ts';

// Automations as clients see and change them. Times are ISO 8601 in UTC.

export const AutomationId = z.string().transform((given): string => {
  if (/^[0-9a-f]{12}$/.test(given)) return given;
  throw new AppError('not_found', 'There is no such automation.');
});
const name = z
  .string()
  .max(255)
  .refine((text) => text.trim() !== '', 'must not be empty');
const message = z
  .string()
  .max(200_000)
  .refine((text) => text.trim() !== '', 'must not be empty');

export const CronInput = z.strictObject({
  /** Minute, hour, day of the month, month, day of the week. */
  cron: z.string().max(200),
  /** IANA name. */
  timezone: z.string().max(100).default('UTC'),
});
const ScheduleInput = CronInput.extend({
  /** Each start is late by up to this many seconds. */
  jitterSeconds: z.int().min(0).max(3_600).default(0),
  /** After a downtime: start once for the latest missed time, or for none. */
  missed: z.enum(['latest', 'none']).default('latest'),
});
const fields = {
  name,
  /** The text that the agent gets at each start. */
  message,
  projectId: z.uuid().nullable(),
  /** Null: that of the project, else of the server. */
  template: z.string().max(100).nullable(),
  model: ModelRef.nullable(),
  /** Null: it starts only when somebody starts it. */
  schedule: ScheduleInput.nullable(),
  /** A start that comes while `maxRunning` of its sessions work is left out, waits, or stops the oldest. */
  whileRunning: z.enum(['skip', 'queue', 'stop']),
  maxRunning: z.int().min(1).max(20),
  /** The automation pauses after this many failures in a row. */
  maxFailures: z.int().min(1).max(100),
  shared: z.boolean(),
};
export const NewAutomation = z.strictObject({
  ...fields,
  projectId: fields.projectId.default(null),
  template: fields.template.default(null),
  model: fields.model.default(null),
  schedule: fields.schedule.default(null),
  whileRunning: fields.whileRunning.default('skip'),
  maxRunning: fields.maxRunning.default(1),
  maxFailures: fields.maxFailures.default(5),
  shared: fields.shared.default(false),
});
export const AutomationChange = z.strictObject({
  ...z.object(fields).partial().shape,
  /** The version that the change begins with; another one is refused. */
  version: z.int().min(1).optional(),
});
/** Without the fields that were not given. */
export const changeOf = (input: z.output<typeof AutomationChange>): Partial<AutomationSpec> & { version?: number } =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));

const time = z.iso.datetime();
export const Automation = z.object({
  id: z.string(),
  version: z.int(),
  name: z.string(),
  message: z.string(),
  projectId: z.string().nullable(),
  template: z.string().nullable(),
  model: z.string().nullable(),
  schedule: z
    .object({ cron: z.string(), timezone: z.string(), jitterSeconds: z.number(), missed: z.enum(['latest', 'none']) })
    .nullable(),
  whileRunning: z.enum(['skip', 'queue', 'stop']),
  maxRunning: z.int(),
  maxFailures: z.int(),
  shared: z.boolean(),
  /** Why its schedule rests; null: it does not. */
  paused: z.object({ by: z.enum(['person', 'failures', 'owner']), text: z.string(), at: time }).nullable(),
  /** The failures since the last success. */
  failures: z.int(),
  nextAt: time.nullable(),
  createdAt: time,
  updatedAt: time,
});
export const AutomationStart = z.object({
  id: z.string(),
  version: z.int(),
  cause: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('schedule'), dueAt: time }),
    /** The id of the key of the person who started it. */
    z.object({ kind: z.literal('person'), key: z.string().nullable() }),
  ]),
  at: time,
  state: z.enum(['queued', 'starting', 'running', 'ended', 'skipped', 'failed']),
  sessionId: z.string().nullable(),
  /** Why it was skipped or failed, or what it waits for. */
  text: z.string(),
  outcome: Outcome.nullable(),
  endedAt: time.nullable(),
  /** The cost of its session until the end; `cost` is in the currency of the price list. */
  cost: z
    .object({ turns: z.int(), inputTokens: z.number(), outputTokens: z.number(), cost: z.number().nullable() })
    .nullable(),
});
export const StartsInput = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** The `id` and the `at` of the last entry that the caller has. */
  afterId: z.string().max(100).optional(),
  afterAt: time.optional(),
});
export const startsQuery = ({ limit, afterId, afterAt }: z.output<typeof StartsInput>) => ({
  limit,
  ...(afterId !== undefined && afterAt !== undefined && { after: { id: afterId, at: Date.parse(afterAt) } }),
});

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));
export const toTimes = (times: readonly number[]) => ({ times: times.map(iso) });

export const toAutomation = ({ owner: _, ...doc }: AutomationDoc): z.output<typeof Automation> => ({
  ...doc,
  paused: doc.paused && { ...doc.paused, at: iso(doc.paused.at) },
  nextAt: isoOrNull(doc.paused ? null : doc.nextAt),
  createdAt: iso(doc.createdAt),
  updatedAt: iso(doc.updatedAt),
});
export const toStart = ({ automationId: _, cause, ...start }: StartDoc): z.output<typeof AutomationStart> => ({
  ...start,
  cause: cause.kind === 'schedule' ? { ...cause, dueAt: iso(cause.dueAt) } : cause,
  at: iso(start.at),
  endedAt: isoOrNull(start.endedAt),
});
