import { z } from 'zod';
import { AppError, type ErrorCode } from '../../../core/errors/errors.ts';
import { SessionId } from '../../../core/model/ids.ts';
import type { Principal } from '../../../core/model/principal.ts';
import { Outcome } from '../../../core/model/records.ts';
import { RepositoryInput } from '../../../core/model/repository.ts';
import { Goal } from '../../../core/model/runs/goal.ts';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';
import type { CreateCommand, SendCommand } from '../sessions.ts';

/** When an automation starts by itself. */
const Schedule = z.object({
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  cron: z.string(),
  /** IANA name, such as `Europe/Berlin`. A time that a clock change skips runs right after it; one that repeats runs once. */
  timezone: z.string(),
  /** Each start is late by up to this many seconds, the same for each server, so that not all begin in one second. */
  jitterSeconds: z.number(),
  /** After a downtime: start once for the latest time that was missed, or for none. */
  missed: z.enum(['latest', 'none']),
});
export type Schedule = z.infer<typeof Schedule>;
export const hookSources = ['github', 'gitlab', 'gitea', 'json'] as const;
/** Gitea includes Forgejo. `json`: any program that signs as Standard Webhooks say. */
export type HookSource = (typeof hookSources)[number];
export const hookEvents = ['issue.labelled', 'issue.assigned', 'comment.mention', 'review', 'check.failed'] as const;
export type HookEvent = (typeof hookEvents)[number];
/** The deliveries from outside that start an automation. Their contents choose nothing else. */
export const HookSpec = z.object({
  source: z.enum(hookSources),
  /** Empty for `json`, where every delivery counts. */
  events: z.array(z.enum(hookEvents)).readonly(),
  /** Only these, as `owner/name`; empty: every one that has the secret. */
  repositories: z.array(z.string()).readonly(),
  /** `issue.labelled`: only with this label; null: with any. */
  label: z.string().nullable(),
  /** `comment.mention`: of this account; `issue.assigned`: to it. Events that it causes itself start nothing. */
  account: z.string().nullable(),
  /** Only what these accounts cause; empty: what anybody causes. */
  senders: z.array(z.string()).readonly(),
  /** `json`: the text that the agent is shown, with `{{path.of.a.field}}`; null: the whole payload. */
  template: z.string().nullable(),
});
export type HookSpec = z.infer<typeof HookSpec>;
/** The runs whose end starts an automation. */
const AfterRule = z.object({
  of: z.enum(['session', 'automation', 'project']),
  id: z.string(),
  outcome: z.enum(['done', 'failed', 'any']),
});
export type AfterRule = z.infer<typeof AfterRule>;
/** The limits of each session of an automation, next to those of its template and of the server. Null: none. */
export const AutomationBudget = z.object({
  /** Calls of the model. */
  turns: z.int().nullable(),
  tokens: z.int().nullable(),
  /** In the currency of the price list. */
  cost: z.number().nullable(),
  toolCalls: z.int().nullable(),
  /** Working time. */
  seconds: z.number().nullable(),
});
export type AutomationBudget = z.infer<typeof AutomationBudget>;
/** The task of an automation that a program of another API defined. Only that API changes it. */
const AutomationProgram = z.object({
  /** The API, such as `managed-agents`. */
  api: z.string(),
  /** The version of the agent that it starts, in the API's own words. Each start keeps it. */
  agent: z.string(),
  /** When it ended, epoch ms; null: it has not. */
  archivedAt: z.number().nullable(),
  /** Everything else, in the API's own words. */
  content: z.record(z.string(), z.unknown()),
});
export type AutomationProgram = z.infer<typeof AutomationProgram>;
/** A session to create, and its messages in order. */
export interface PreparedSession {
  readonly command: Omit<CreateCommand, 'id' | 'origin'>;
  readonly messages: readonly SendCommand[];
  /** Called once the session exists, before its first message; again if a server died in between. */
  readonly begin?: (id: SessionId) => Promise<void>;
}
/** The rights and the secret for a start of a program's automation. */
export interface StartRights {
  /** The owner of the automation. */
  readonly as: Principal;
  /** The secret that the program set with the automation. */
  readonly secret: Secret | undefined;
}
/** The APIs whose programs define automations. */
export interface AutomationPrograms {
  /** Each start calls `prepare` with the rights of the automation's owner. Rejects: StartRefusal, and as creations do. */
  serve(api: string, prepare: (automation: Automation, rights: StartRights) => Promise<PreparedSession>): void;
  /** Called once every API of this server has registered. */
  open(): void;
}
/** A session that cannot be made, with the API's own word for the reason. */
export class StartRefusal extends AppError {
  readonly word: string;
  constructor(code: ErrorCode, message: string, word: string) {
    super(code, message);
    this.word = word;
  }
}
export const automationKinds = ['run', 'prebuild'] as const;
/** Why an automation does not start by itself any more, until somebody resumes it. */
export const AutomationPause = z.object({
  by: z.enum(['person', 'failures', 'owner']),
  text: z.string(),
  at: z.number(), // epoch ms
  /** The word of the failure that paused the automation of a program. */
  failure: z.string().optional(),
});
export type AutomationPause = z.infer<typeof AutomationPause>;
/**
 * A rule that starts sessions by itself.
 *
 * @example
 * const { id } = await automations.create({ ...spec, schedule: { cron: '0 9 * * 1-5', timezone: 'Europe/Berlin', … } });
 */
export const Automation = z.object({
  id: z.string(), // 12 hex digits
  /** 1 at creation; each change by a person adds one. A start notes the version that it ran. */
  version: z.int(),
  /** The same meaning as a session's. */
  owner: z.string().optional(),
  name: z.string(),
  /** `run`: an agent works. `prebuild`: the repositories are prepared for later sessions, without an agent. */
  kind: z.enum(automationKinds),
  /** The text that the agent gets at each start; empty for a prebuild. */
  message: z.string(),
  /** The goal by which the work of each start is judged; null: none. A prebuild has none. */
  goal: Goal.nullable(),
  /** The repositories that its sessions begin with. */
  repositories: z.array(RepositoryInput).readonly(),
  projectId: z.string().nullable(),
  /** Null: that of the project, else of the server. */
  template: z.string().nullable(),
  /** `demo` or `provider/model`; null: that of the project or template, else of the server. */
  model: z.string().nullable(),
  /** Shared skills of its sessions: `pdf`, or `pdf@3` for one of its versions. */
  skills: z.array(z.string()).readonly(),
  /** Null: it starts only when somebody starts it. */
  schedule: Schedule.nullable(),
  /** The deliveries from outside that start it; null: none. */
  hook: HookSpec.nullable(),
  /** The ends of runs that start it; null: none. */
  after: AfterRule.nullable(),
  /** A session that reaches it waits, and asks whether to continue. */
  budget: AutomationBudget.nullable(),
  /** A start that comes while `maxRunning` of its sessions work: leave it out, let it wait, or stop the oldest. */
  whileRunning: z.enum(['skip', 'queue', 'stop']),
  maxRunning: z.int(),
  /** The automation pauses after this many failures in a row. */
  maxFailures: z.int(),
  /** People with their own key see it and its starts. */
  shared: z.boolean(),
  /** Absent: its own message and fields say what its sessions do. */
  program: AutomationProgram.optional(),
  paused: AutomationPause.nullable(),
  /** The failures since the last success. */
  failures: z.int(),
  /** The next time of its schedule, without jitter, epoch ms; null: none. */
  nextAt: z.number().nullable(),
  /** The time when the secret of its deliveries was made; null: there is none, so none is accepted. */
  secretAt: z.number().nullable(),
  createdAt: z.number(),
  updatedAt: z.number(),
});
export type Automation = z.infer<typeof Automation>;
type OwnFields = 'id' | 'version' | 'owner' | 'paused' | 'failures' | 'nextAt' | 'secretAt' | 'createdAt' | 'updatedAt';
/** The fields that people choose. */
export type AutomationSpec = Omit<Automation, OwnFields>;

/** The reasons for a start. */
export const startCauses = {
  schedule: z.object({ kind: z.literal('schedule'), dueAt: z.number() }),
  /** The key of the person who started it; null: the server's own token, or none is needed. */
  person: z.object({ kind: z.literal('person'), key: z.string().nullable() }),
  /** A delivery from outside. `about` has the words of strangers, on one line. */
  hook: z.object({
    kind: z.literal('hook'),
    source: z.enum(hookSources),
    event: z.enum(hookEvents).nullable(),
    about: z.string(),
  }),
  /** The end of another session's run. */
  run: z.object({ kind: z.literal('run'), sessionId: z.string(), outcome: z.enum(['done', 'failed']) }),
};
const { schedule, person, hook, run } = startCauses;
/** One entry of an automation's history. */
export const AutomationStart = z.object({
  id: z.string(),
  automationId: z.string(),
  version: z.int(),
  kind: z.enum(automationKinds),
  cause: z.discriminatedUnion('kind', [schedule, person, hook, run]),
  at: z.number(), // epoch ms
  /**
   * `queued`: waits for room. `starting`: its session is being made. `skipped`: left out, because others still worked.
   * `failed`: no session worked on it. `ended`: its run has ended, see `outcome`.
   */
  state: z.enum(['queued', 'starting', 'running', 'ended', 'skipped', 'failed']),
  sessionId: SessionId.nullable(),
  /** Why it was skipped, failed or waits, or the result of a prebuild; empty otherwise. */
  text: z.string(),
  /** How its run or prebuild ended; null before, and where none did. */
  outcome: Outcome.nullable(),
  endedAt: z.number().nullable(),
  /** Cost of its session, in the price list's currency. Null before the end, or if a price is unknown. */
  cost: z
    .object({ turns: z.int(), inputTokens: z.number(), outputTokens: z.number(), cost: z.number().nullable() })
    .nullable(),
  /** The quoted words of others that its session is shown next to the message; empty when it has ended. */
  given: z.string(),
  /** The automations whose runs led to this start, the first one first. */
  chain: z.array(z.string()).readonly(),
  /** The agent that the program of its automation named then; absent: no program defined it. */
  agent: z.string().optional(),
  /** The API's word, or the error's code, for the reason why there is no session; absent: there is one. */
  failure: z.string().optional(),
});
export type AutomationStart = z.infer<typeof AutomationStart>;
export type StartCost = NonNullable<AutomationStart['cost']>;
export interface StartsQuery {
  readonly limit: number;
  /** The id and time of the last entry that the caller has. */
  readonly after?: { readonly at: number; readonly id: string } | undefined;
}

/** A request from outside to an automation's address. */
export interface HookRequest {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}
export interface HookAnswer {
  /** A new start was added. */
  readonly started: boolean;
  /** Returns to the sender what happened, and why. */
  readonly text: string;
}

/** A secret for the starts of a program's automation: stored sealed, never shown, deleted when the program archives it. */
export interface ProgramSecret {
  readonly secret?: Secret | undefined;
}

/** Every method that takes an id rejects with not_found for an unknown automation. */
export interface AutomationService {
  /** Newest first; only that owner's and shared ones if `owner` is set. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Automation[]>;
  /**
   * Rejects: invalid_request (a schedule, template or model that does not exist, a run without a message, a prebuild without
   * a repository or on a server that keeps no prepared files), quota (100 of one owner).
   */
  create(spec: AutomationSpec & ProgramSecret & { readonly owner?: string }): Promise<Automation>;
  get(id: string): Promise<Automation>;
  /**
   * Changes only the fields that are set. Rejects: conflict (`version` is set and not the present one, or its program
   * is archived), as `create` does.
   */
  update(
    id: string,
    change: Partial<AutomationSpec> & ProgramSecret & { readonly version?: number },
  ): Promise<Automation>;
  /** Deletes the history of its starts and its secret too; the sessions of the automation stay. */
  delete(id: string): Promise<void>;
  /** The schedule is paused. Running sessions continue. */
  pause(id: string): Promise<Automation>;
  /** The schedule counts again, from now on. Rejects: conflict (its program is archived). */
  /** `owner`: its owner from then on. */
  resume(id: string, owner?: string): Promise<Automation>;
  /** Starts it now, paused or not. Rejects: quota (20 starts wait), conflict (its program is archived). */
  start(id: string, key: string | null): Promise<AutomationStart>;
  /** Makes a new secret for its deliveries, which counts at once and is shown this once. Rejects: conflict (no hook). */
  rotateSecret(id: string): Promise<{ readonly secret: string }>;
  /**
   * Starts it for a delivery that its hook wants, once for each. Rejects: not_found (unknown, without a secret, or not
   * signed with it), invalid_request (too late, or unreadable), payload_too_large.
   */
  receive(id: string, request: HookRequest): Promise<HookAnswer>;
  /** The newest first. */
  starts(id: string, query: StartsQuery): Promise<readonly AutomationStart[]>;
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
  receive: { may: 'any', audit: null }, // src/sessions/access audits those that start something
  starts: { may: 'read', audit: null },
  times: { may: 'any', audit: null },
};
