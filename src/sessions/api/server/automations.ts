import { z } from 'zod';
import { AppError, type ErrorCode } from '../../../core/errors/errors.ts';
import { SessionId } from '../../../core/model/ids.ts';
import type { Principal } from '../../../core/model/principal.ts';
import { RunOutcome } from '../../../core/model/records.ts';
import { RepositoryInput } from '../../../core/model/repository.ts';
import { Goal } from '../../../core/model/runs/goal.ts';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';
import type { CreateSessionCommand, SendUserMessageCommand } from '../sessions.ts';

const Schedule = z.object({
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  cron: z.string(),
  /** IANA name. A fixed time skipped by a clock change fires right after it; a repeated one fires only once. */
  timezone: z.string(),
  /** Delays each start by up to this many seconds, by the same amount on every server. */
  jitterSeconds: z.number(),
  /** After downtime: start for the latest missed time only, or not at all. */
  missed: z.enum(['latest', 'none']),
});
export type Schedule = z.infer<typeof Schedule>;
export const hookSources = ['github', 'gitlab', 'gitea', 'json'] as const;
/** `gitea`: also Forgejo. `json`: any program that signs its deliveries according to Standard Webhooks. */
export type HookSource = (typeof hookSources)[number];
export const hookEvents = ['issue.labelled', 'issue.assigned', 'comment.mention', 'review', 'check.failed'] as const;
export type HookEvent = (typeof hookEvents)[number];
/** The agent sees a delivery's content only as quoted text. */
export const HookSpec = z.object({
  source: z.enum(hookSources),
  /** Empty for `json`, where every delivery matches and the other filters do not apply. */
  events: z.array(z.enum(hookEvents)).readonly(),
  /** `owner/name`. Empty: any repository whose webhook uses the secret. */
  repositories: z.array(z.string()).readonly(),
  /** Applies to `issue.labelled` events only. Null: any label. */
  label: z.string().nullable(),
  /** The account that `comment.mention` and `issue.assigned` events must concern. Events it causes start nothing. */
  account: z.string().nullable(),
  /** Senders whose events match. Empty: any. */
  senders: z.array(z.string()).readonly(),
  /** With `json`, the text for the agent, with placeholders such as `{{path.of.a.field}}`. Null: the whole payload. */
  template: z.string().nullable(),
});
export type HookSpec = z.infer<typeof HookSpec>;
const AfterRule = z.object({
  of: z.enum(['session', 'automation', 'project']),
  id: z.string(),
  outcome: z.enum(['done', 'failed', 'any']),
});
export type CompletionTrigger = z.infer<typeof AfterRule>;
/** Per session, in addition to the template's and server's limits. Null: no limit. */
export const AutomationBudget = z.object({
  turns: z.int().nullable(),
  tokens: z.int().nullable(),
  /** In the currency of the price list. */
  cost: z.number().nullable(),
  toolCalls: z.int().nullable(),
  /** Working time, in seconds. */
  seconds: z.number().nullable(),
});
export type AutomationBudget = z.infer<typeof AutomationBudget>;
/** Only the API that created the automation can change its task. */
const AutomationApiTask = z.object({
  api: z.string(),
  /** The version of the agent to start, in the API's format. */
  agent: z.string(),
  archivedAt: z.number().nullable(),
  content: z.record(z.string(), z.unknown()),
});
export type AutomationApiTask = z.infer<typeof AutomationApiTask>;
export interface PreparedAutomationStart {
  readonly command: Omit<CreateSessionCommand, 'id' | 'origin'>;
  readonly messages: readonly SendUserMessageCommand[];
  /** Called before the first message, and called again if a server dies during the start. */
  readonly begin?: (id: SessionId) => Promise<void>;
}
export interface AutomationStartAuthorization {
  readonly as: Principal;
  readonly secret: Secret | undefined;
}
export interface AutomationApiRegistry {
  /** `prepare` runs at each start as the owner. It rejects with AutomationStartError, or as session creation does. */
  serve(
    api: string,
    prepare: (automation: Automation, rights: AutomationStartAuthorization) => Promise<PreparedAutomationStart>,
  ): void;
  /** Call once all facades have registered. Until then, starts whose API is missing are retried. */
  open(): void;
}
/** Reports that a session cannot be created. `word`: the API's own reason string. */
export class AutomationStartError extends AppError {
  readonly word: string;
  constructor(code: ErrorCode, message: string, word: string) {
    super(code, message);
    this.word = word;
  }
}
export const automationKinds = ['run', 'prebuild'] as const;
/** Set while automatic starts are paused. Only a user can resume them. */
export const AutomationPause = z.object({
  by: z.enum(['person', 'failures', 'owner']),
  text: z.string(),
  at: z.number(), // epoch ms
  /** The API's own reason string, or an error code, if an API-defined start failed. */
  failure: z.string().optional(),
});
export type AutomationPause = z.infer<typeof AutomationPause>;
/**
 * A rule that starts sessions automatically.
 *
 * @example
 * const { id } = await automations.create({ ...spec, schedule: { cron: '0 9 * * 1-5', timezone: 'Europe/Berlin', … } });
 */
export const Automation = z.object({
  id: z.string(), // 12 hex digits
  /** 1 at creation, incremented by each `update`. */
  version: z.int(),
  owner: z.string().optional(),
  name: z.string(),
  /** `prebuild` only prepares the repositories for later sessions. */
  kind: z.enum(automationKinds),
  message: z.string(),
  goal: Goal.nullable(),
  repositories: z.array(RepositoryInput).readonly(),
  projectId: z.string().nullable(),
  /** Null: the project's template, else the server's. */
  template: z.string().nullable(),
  /** `demo` or `provider/model`. Null: the model of the project or template, else the server's. */
  model: z.string().nullable(),
  /** Skills of the owner or project, or shared ones, as `name` or `name@version`. */
  skills: z.array(z.string()).readonly(),
  schedule: Schedule.nullable(),
  hook: HookSpec.nullable(),
  after: AfterRule.nullable(),
  /** At a limit, a session waits and asks whether to continue. */
  budget: AutomationBudget.nullable(),
  /** Applies while `maxRunning` sessions are active. `stop` stops the oldest one. */
  whileRunning: z.enum(['skip', 'queue', 'stop']),
  maxRunning: z.int(),
  /** The automation pauses after this many failures in a row. */
  maxFailures: z.int(),
  /** Everyone with a key or a sign-in can see the automation and its starts. */
  shared: z.boolean(),
  program: AutomationApiTask.optional(),
  paused: AutomationPause.nullable(),
  /** Failures since the last success or resume. */
  failures: z.int(),
  /** Epoch ms, without jitter. Null if no start is scheduled. */
  nextAt: z.number().nullable(),
  secretAt: z.number().nullable(),
  createdAt: z.number(),
  updatedAt: z.number(),
});
export type Automation = z.infer<typeof Automation>;
type OwnFields = 'id' | 'version' | 'owner' | 'paused' | 'failures' | 'nextAt' | 'secretAt' | 'createdAt' | 'updatedAt';
export type AutomationSpec = Omit<Automation, OwnFields>;

export const automationStartCauses = {
  schedule: z.object({ kind: z.literal('schedule'), dueAt: z.number() }),
  /** `key` is null if the server's token was used or no key was required. */
  person: z.object({ kind: z.literal('person'), key: z.string().nullable() }),
  /** `about` is a single line of untrusted text. */
  hook: z.object({
    kind: z.literal('hook'),
    source: z.enum(hookSources),
    event: z.enum(hookEvents).nullable(),
    about: z.string(),
  }),
  run: z.object({ kind: z.literal('run'), sessionId: z.string(), outcome: z.enum(['done', 'failed']) }),
};
const { schedule, person, hook, run } = automationStartCauses;
export const AutomationStart = z.object({
  id: z.string(),
  automationId: z.string(),
  version: z.int(),
  kind: z.enum(automationKinds),
  cause: z.discriminatedUnion('kind', [schedule, person, hook, run]),
  at: z.number(), // epoch ms
  /**
   * `skipped`: `maxRunning` sessions were active. `failed`: no session was created, or a prebuild's session was
   * deleted. `ended`: its run ended or its session was deleted.
   */
  state: z.enum(['queued', 'starting', 'running', 'ended', 'skipped', 'failed']),
  sessionId: SessionId.nullable(),
  /** Why it waits, was skipped or failed; a note that its session was deleted; or a prebuild's result. Else empty. */
  text: z.string(),
  outcome: RunOutcome.nullable(),
  endedAt: z.number().nullable(),
  /** Null until the end. `cost`: in the price list's currency; null if a price is unknown. */
  cost: z
    .object({ turns: z.int(), inputTokens: z.number(), outputTokens: z.number(), cost: z.number().nullable() })
    .nullable(),
  /** Quoted third-party text sent along with the message. Emptied when the start ends. */
  given: z.string(),
  /** Automations whose runs led to this start, earliest first. */
  chain: z.array(z.string()).readonly(),
  /** The agent version that an API-defined automation started. */
  agent: z.string().optional(),
  /** Why no session was created: the API's own reason string, or an error code. */
  failure: z.string().optional(),
});
export type AutomationStart = z.infer<typeof AutomationStart>;
export type AutomationStartCost = NonNullable<AutomationStart['cost']>;
export interface AutomationStartsQuery {
  readonly limit: number;
  readonly after?: { readonly at: number; readonly id: string } | undefined;
}

export interface HookRequest {
  /** Lowercase names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}
export interface HookResponse {
  readonly started: boolean;
  readonly text: string;
}

/** Stored encrypted, never returned, and deleted when the automation is archived. */
export interface AutomationSecret {
  readonly secret?: Secret | undefined;
}

/** Every method that takes an id rejects with not_found for an unknown automation. */
export interface AutomationService {
  /** Newest first. With `owner`: only that owner's automations, those of `projects`, and shared ones. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Automation[]>;
  /**
   * A run needs a message; a prebuild takes no message or goal, and needs a repository and a server that keeps prepared
   * files. Rejects: quota (100 per owner), invalid_request; if the automation refers to something that is missing or
   * inaccessible, also not_found, session_not_found or forbidden.
   */
  create(spec: AutomationSpec & AutomationSecret & { readonly owner?: string }): Promise<Automation>;
  get(id: string): Promise<Automation>;
  /** Rejects as `create` does, and: conflict (`version` is not current, or the automation is archived). */
  update(
    id: string,
    change: Partial<AutomationSpec> & AutomationSecret & { readonly version?: number },
  ): Promise<Automation>;
  /** Also deletes the automation's history and secret. Keeps its sessions. */
  delete(id: string): Promise<void>;
  /** Pauses automatic starts. Running sessions continue. */
  pause(id: string): Promise<Automation>;
  /** If the owner lost access and still has none, `by` becomes the owner. Rejects: conflict (archived). */
  resume(id: string, by?: string): Promise<Automation>;
  /** Works even while paused. Rejects: quota (20 starts are queued), conflict (archived). */
  start(id: string, key: string | null): Promise<AutomationStart>;
  /** The new secret is valid immediately, and returned only here. Rejects: conflict (no hook). */
  rotateSecret(id: string): Promise<{ readonly secret: string }>;
  /**
   * A repeated delivery starts nothing. Rejects: not_found (unknown automation, no secret, wrong signature),
   * invalid_request (too old or unreadable), payload_too_large, rate_limited (20 starts are queued).
   */
  receive(id: string, request: HookRequest): Promise<HookResponse>;
  /** Newest first. */
  starts(id: string, query: AutomationStartsQuery): Promise<readonly AutomationStart[]>;
  /** Returns the next `count` scheduled times, in epoch ms without jitter. Rejects: invalid_request. */
  times(schedule: Pick<Schedule, 'cron' | 'timezone'>, count: number): Promise<readonly number[]>;
}

export const automationRules: ServiceRules<AutomationService> = {
  list: { may: 'list', audit: null },
  create: { may: 'guarded', audit: 'automation.create' },
  get: { may: 'see', audit: null },
  update: { may: 'guarded', audit: 'automation.change' },
  delete: { may: 'stop', audit: 'automation.delete' },
  pause: { may: 'stop', audit: 'automation.pause' },
  resume: { may: 'guarded', audit: 'automation.resume' },
  start: { may: 'guarded', audit: 'automation.start' },
  rotateSecret: { may: 'work', audit: 'automation.rotate' },
  receive: { may: 'any', audit: null }, // src/sessions/access audits deliveries that start something
  starts: { may: 'read', audit: null },
  times: { may: 'any', audit: null },
};
