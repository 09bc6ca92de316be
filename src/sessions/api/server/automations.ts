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
  /**
   * IANA name, such as `Europe/Berlin`. If a clock change skips a time, the automation starts right after the change; if it
   * repeats a time, the automation starts once.
   */
  timezone: z.string(),
  /** Each start is delayed by up to this many seconds, so that starts are spread out. The delay is the same on every server. */
  jitterSeconds: z.number(),
  /** After downtime: start once for the latest missed time, or not at all. */
  missed: z.enum(['latest', 'none']),
});
export type Schedule = z.infer<typeof Schedule>;
export const hookSources = ['github', 'gitlab', 'gitea', 'json'] as const;
/** Gitea includes Forgejo. `json`: any program that signs according to Standard Webhooks. */
export type HookSource = (typeof hookSources)[number];
export const hookEvents = ['issue.labelled', 'issue.assigned', 'comment.mention', 'review', 'check.failed'] as const;
export type HookEvent = (typeof hookEvents)[number];
/** The webhook deliveries that start an automation. Their content reaches the agent only as quoted text. */
export const HookSpec = z.object({
  source: z.enum(hookSources),
  /** Empty for `json`: every delivery starts the automation, and the other filters do not apply. */
  events: z.array(z.enum(hookEvents)).readonly(),
  /** Only these repositories, as `owner/name`; empty: any repository whose webhook uses the secret. */
  repositories: z.array(z.string()).readonly(),
  /** Only `issue.labelled` events with this label; null: with any label. */
  label: z.string().nullable(),
  /** The account that `comment.mention` and `issue.assigned` refer to. Events caused by this account start nothing. */
  account: z.string().nullable(),
  /** Only events caused by these accounts; empty: by any account. */
  senders: z.array(z.string()).readonly(),
  /** `json`: the text shown to the agent, with `{{path.of.a.field}}`; null: the whole payload. */
  template: z.string().nullable(),
});
export type HookSpec = z.infer<typeof HookSpec>;
const AfterRule = z.object({
  of: z.enum(['session', 'automation', 'project']),
  id: z.string(),
  outcome: z.enum(['done', 'failed', 'any']),
});
export type CompletionTrigger = z.infer<typeof AfterRule>;
/** Limits for each session of an automation, in addition to those of the session's template and the server. Null: none. */
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
/** The task of an automation that was created through a facade's API. Only that API can change the task. */
const AutomationApiTask = z.object({
  api: z.string(),
  /** The version of the agent to start, in the API's format. Recorded with each start. */
  agent: z.string(),
  archivedAt: z.number().nullable(),
  /** All other fields, in the API's format. */
  content: z.record(z.string(), z.unknown()),
});
export type AutomationApiTask = z.infer<typeof AutomationApiTask>;
export interface PreparedAutomationStart {
  readonly command: Omit<CreateSessionCommand, 'id' | 'origin'>;
  readonly messages: readonly SendUserMessageCommand[];
  /** Called once the session exists, before its first message; called again if a server dies during the start. */
  readonly begin?: (id: SessionId) => Promise<void>;
}
export interface AutomationStartAuthorization {
  /** The owner of the automation. */
  readonly as: Principal;
  readonly secret: Secret | undefined;
}
export interface AutomationApiRegistry {
  /**
   * Registers a facade's API. Each start of an automation created through it calls `prepare` with the rights of the
   * automation's owner. `prepare` rejects with AutomationStartError, or with any error that creating a session can cause.
   */
  serve(
    api: string,
    prepare: (automation: Automation, rights: AutomationStartAuthorization) => Promise<PreparedAutomationStart>,
  ): void;
  /**
   * Called once all facades of this server have registered their APIs. Before that, a start whose API is not registered is
   * retried.
   */
  open(): void;
}
/** A session cannot be created. `word`: the API's own reason string. */
export class AutomationStartError extends AppError {
  readonly word: string;
  constructor(code: ErrorCode, message: string, word: string) {
    super(code, message);
    this.word = word;
  }
}
export const automationKinds = ['run', 'prebuild'] as const;
/** Set while automatic starts are paused. Only a person can resume them. */
export const AutomationPause = z.object({
  by: z.enum(['person', 'failures', 'owner']),
  text: z.string(),
  at: z.number(), // epoch ms
  /** Why an API-defined automation's start failed: the API's own reason string, or an error code. */
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
  /** 1 at creation, incremented by each `update`. A start records the version it ran. */
  version: z.int(),
  /** Same meaning as a session's `owner`. */
  owner: z.string().optional(),
  name: z.string(),
  /** `run`: an agent works. `prebuild`: prepares the repositories for later sessions, without an agent. */
  kind: z.enum(automationKinds),
  /** The message sent to the agent at each start; empty for a prebuild. */
  message: z.string(),
  /** The goal that each start's work is judged by; null: none. A prebuild has none. */
  goal: Goal.nullable(),
  repositories: z.array(RepositoryInput).readonly(),
  projectId: z.string().nullable(),
  /** Null: the project's template, else the server's. */
  template: z.string().nullable(),
  /** `demo` or `provider/model`; null: from the project or template, else the server. */
  model: z.string().nullable(),
  /** Skills that its sessions use: those of its owner or project, or shared ones. Each is `name` or `name@version`. */
  skills: z.array(z.string()).readonly(),
  schedule: Schedule.nullable(),
  hook: HookSpec.nullable(),
  after: AfterRule.nullable(),
  /** A session that reaches a limit waits and asks whether to continue. */
  budget: AutomationBudget.nullable(),
  /** While `maxRunning` sessions are active, a start is skipped, waits in the queue, or stops the oldest session. */
  whileRunning: z.enum(['skip', 'queue', 'stop']),
  maxRunning: z.int(),
  /** The automation pauses after this many failures in a row. */
  maxFailures: z.int(),
  /** Whether people who have their own key can see the automation and its starts. */
  shared: z.boolean(),
  /** Absent: the message and the other fields of the automation define the task. */
  program: AutomationApiTask.optional(),
  paused: AutomationPause.nullable(),
  /** Failures since the last success or resume. */
  failures: z.int(),
  /** The next scheduled time, without jitter, epoch ms; null: none. */
  nextAt: z.number().nullable(),
  /** When the secret for deliveries was created; null: none exists, so no delivery is accepted. */
  secretAt: z.number().nullable(),
  createdAt: z.number(),
  updatedAt: z.number(),
});
export type Automation = z.infer<typeof Automation>;
type OwnFields = 'id' | 'version' | 'owner' | 'paused' | 'failures' | 'nextAt' | 'secretAt' | 'createdAt' | 'updatedAt';
export type AutomationSpec = Omit<Automation, OwnFields>;

export const automationStartCauses = {
  schedule: z.object({ kind: z.literal('schedule'), dueAt: z.number() }),
  /** The key of the person who started the automation; null: the server's token was used, or no key is needed. */
  person: z.object({ kind: z.literal('person'), key: z.string().nullable() }),
  /** A webhook delivery. `about` is untrusted text on one line. */
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
   * `queued`: waits for a slot. `starting`: its session is being created. `skipped`: `maxRunning` sessions were still active.
   * `failed`: no session was started, or a prebuild's session was deleted. `ended`: its run ended, see `outcome`, or its session
   * was deleted.
   */
  state: z.enum(['queued', 'starting', 'running', 'ended', 'skipped', 'failed']),
  sessionId: SessionId.nullable(),
  /** Why the start was skipped, failed or is waiting, or the result of a prebuild; empty otherwise. */
  text: z.string(),
  /** How its run or prebuild ended; null until it ends, or if there was none. */
  outcome: RunOutcome.nullable(),
  endedAt: z.number().nullable(),
  /** Usage of its session; null until it ends. `cost` is in the price list's currency, or null if a price is unknown. */
  cost: z
    .object({ turns: z.int(), inputTokens: z.number(), outputTokens: z.number(), cost: z.number().nullable() })
    .nullable(),
  /** Quoted third-party text sent to the session with the message; empty once this start has ended. */
  given: z.string(),
  /** The automations whose runs led to this start, earliest first. */
  chain: z.array(z.string()).readonly(),
  /** The agent version of an API-defined automation at this start; absent: not defined by an API. */
  agent: z.string().optional(),
  /** Why no session could be created: the API's own reason string, or an error code. Absent otherwise. */
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

/** The secret of an API-defined automation: stored encrypted, never returned, deleted when the automation is archived. */
export interface AutomationSecret {
  readonly secret?: Secret | undefined;
}

/** Every method with an id rejects with not_found for an unknown automation. */
export interface AutomationService {
  /** Newest first. With `owner`, lists only automations of that owner and of `projects`, and shared ones. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Automation[]>;
  /**
   * Rejects: quota (100 per owner), invalid_request, and not_found, session_not_found or forbidden (something that the
   * automation refers to does not exist or cannot be used). A run needs a message. A prebuild needs a repository and a
   * server that keeps prepared files, and takes neither a message nor a goal. An automation cannot start itself.
   */
  create(spec: AutomationSpec & AutomationSecret & { readonly owner?: string }): Promise<Automation>;
  get(id: string): Promise<Automation>;
  /**
   * Changes only the fields that are set. Rejects: conflict (`version` is set and not current, or the automation is archived),
   * and as `create` does.
   */
  update(
    id: string,
    change: Partial<AutomationSpec> & AutomationSecret & { readonly version?: number },
  ): Promise<Automation>;
  /** Also deletes its history and secret; its sessions are kept. */
  delete(id: string): Promise<void>;
  /** Pauses automatic starts. Running sessions continue. */
  pause(id: string): Promise<Automation>;
  /**
   * Resumes the schedule from now on. If the automation was paused because its owner lost access, and the owner still has no
   * access, `by` becomes the owner. Rejects: conflict (the automation is archived).
   */
  resume(id: string, by?: string): Promise<Automation>;
  /**
   * Starts the automation now, even if it is paused. Rejects: quota (20 starts are queued), conflict (the automation is
   * archived).
   */
  start(id: string, key: string | null): Promise<AutomationStart>;
  /** Creates a new secret for deliveries, valid immediately and returned only this once. Rejects: conflict (no hook). */
  rotateSecret(id: string): Promise<{ readonly secret: string }>;
  /**
   * Starts the automation for a delivery that matches its hook; a repeated delivery starts nothing. Rejects: not_found (the
   * automation is unknown or has no secret, or the signature is wrong), invalid_request (the delivery is too old or
   * unreadable), payload_too_large, rate_limited (20 starts are queued).
   */
  receive(id: string, request: HookRequest): Promise<HookResponse>;
  /** Newest first. */
  starts(id: string, query: AutomationStartsQuery): Promise<readonly AutomationStart[]>;
  /** The next times of a schedule, without jitter, epoch ms. Rejects: invalid_request. */
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
