import type { z } from 'zod';
import { AppError, type ErrorCode } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { Principal } from '../../../core/model/principal.ts';
import type { Outcome } from '../../../core/model/records.ts';
import type { RepositoryInput } from '../../../core/model/repository.ts';
import type { Goal } from '../../../core/model/runs/goal.ts';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';
import type { CreateCommand, SendCommand } from '../sessions.ts';

/** When an automation starts by itself. */
export interface Schedule {
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  readonly cron: string;
  /** IANA name, such as `Europe/Berlin`. A time that a clock change skips runs right after it; one that repeats runs once. */
  readonly timezone: string;
  /** Each start is late by up to this many seconds, the same for each server, so that not all begin in one second. */
  readonly jitterSeconds: number;
  /** After a downtime: start once for the latest time that was missed, or for none. */
  readonly missed: 'latest' | 'none';
}
export const hookSources = ['github', 'gitlab', 'gitea', 'json'] as const;
/** Gitea includes Forgejo. `json`: any program that signs as Standard Webhooks say. */
export type HookSource = (typeof hookSources)[number];
export const hookEvents = ['issue.labelled', 'issue.assigned', 'comment.mention', 'review', 'check.failed'] as const;
export type HookEvent = (typeof hookEvents)[number];
/** The deliveries from outside that start an automation. Their contents choose nothing else. */
export interface HookSpec {
  readonly source: HookSource;
  /** Empty for `json`, where every delivery counts. */
  readonly events: readonly HookEvent[];
  /** Only these, as `owner/name`; empty: every one that has the secret. */
  readonly repositories: readonly string[];
  /** `issue.labelled`: only with this label; null: with any. */
  readonly label: string | null;
  /** `comment.mention`: of this account; `issue.assigned`: to it. Events that it causes itself start nothing. */
  readonly account: string | null;
  /** Only what these accounts cause; empty: what anybody causes. */
  readonly senders: readonly string[];
  /** `json`: the text that the agent is shown, with `{{path.of.a.field}}`; null: the whole payload. */
  readonly template: string | null;
}
/** The runs whose end starts an automation. */
export interface AfterRule {
  readonly of: 'session' | 'automation' | 'project';
  readonly id: string;
  readonly outcome: 'done' | 'failed' | 'any';
}
/** The limits of each session of an automation, next to those of its template and of the server. Null: none. */
export interface AutomationBudget {
  /** Calls of the model. */
  readonly turns: number | null;
  readonly tokens: number | null;
  /** In the currency of the price list. */
  readonly cost: number | null;
  readonly toolCalls: number | null;
  /** Working time. */
  readonly seconds: number | null;
}
/** The task of an automation that a program of another API defined. Only that API changes it. */
export interface AutomationProgram {
  /** The API, such as `managed-agents`. */
  readonly api: string;
  /** The version of the agent that it starts, in the API's own words. Each start keeps it. */
  readonly agent: string;
  /** When it ended, epoch ms; null: it has not. */
  readonly archivedAt: number | null;
  /** Everything else, in the API's own words. */
  readonly content: Readonly<Record<string, unknown>>;
}
/** A session that is to be made, and the messages that it then gets, in order. */
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
export type AutomationKind = (typeof automationKinds)[number];
/** The fields that people choose. */
export interface AutomationSpec {
  readonly name: string;
  /** `run`: an agent works. `prebuild`: the repositories are prepared for later sessions, without an agent. */
  readonly kind: AutomationKind;
  /** The text that the agent gets at each start; empty for a prebuild. */
  readonly message: string;
  /** The goal by which the work of each start is judged; null: none. A prebuild has none. */
  readonly goal: Goal | null;
  /** The repositories that its sessions begin with. */
  readonly repositories: readonly RepositoryInput[];
  readonly projectId: string | null;
  /** Null: that of the project, else of the server. */
  readonly template: string | null;
  /** `demo` or `provider/model`; null: that of the project or template, else of the server. */
  readonly model: string | null;
  /** Shared skills of its sessions: `pdf`, or `pdf@3` for one of its versions. */
  readonly skills: readonly string[];
  /** Null: it starts only when somebody starts it. */
  readonly schedule: Schedule | null;
  /** The deliveries from outside that start it; null: none. */
  readonly hook: HookSpec | null;
  /** The ends of runs that start it; null: none. */
  readonly after: AfterRule | null;
  /** A session that reaches it waits, and asks whether to continue. */
  readonly budget: AutomationBudget | null;
  /** A start that comes while `maxRunning` of its sessions work: leave it out, let it wait, or stop the oldest. */
  readonly whileRunning: 'skip' | 'queue' | 'stop';
  readonly maxRunning: number;
  /** The automation pauses after this many failures in a row. */
  readonly maxFailures: number;
  /** People with their own key see it and its starts. */
  readonly shared: boolean;
  /** Absent: its own message and fields say what its sessions do. */
  readonly program?: AutomationProgram | undefined;
}
/** Why an automation does not start by itself any more, until somebody resumes it. */
export interface AutomationPause {
  readonly by: 'person' | 'failures' | 'owner';
  readonly text: string;
  readonly at: number; // epoch ms
  /** The word of the failure that paused the automation of a program. */
  readonly failure?: string | undefined;
}
/**
 * A rule that starts sessions by itself.
 *
 * @example
 * const { id } = await automations.create({ ...spec, schedule: { cron: '0 9 * * 1-5', timezone: 'Europe/Berlin', … } });
 */
export interface Automation extends AutomationSpec {
  readonly id: string; // 12 hex digits
  /** 1 at creation; each change by a person adds one. A start notes the version that it ran. */
  readonly version: number;
  /** The same meaning as a session's. */
  readonly owner?: string | undefined;
  readonly paused: AutomationPause | null;
  /** The failures since the last success. */
  readonly failures: number;
  /** The next time of its schedule, without jitter, epoch ms; null: none. */
  readonly nextAt: number | null;
  /** The time when the secret of its deliveries was made; null: there is none, so none is accepted. */
  readonly secretAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The reason for a start. */
export type StartCause =
  | { readonly kind: 'schedule'; readonly dueAt: number }
  /** The key of the person who started it; null: the server's own token, or none is needed. */
  | { readonly kind: 'person'; readonly key: string | null }
  /** A delivery from outside. `about` has the words of strangers, on one line. */
  | {
      readonly kind: 'hook';
      readonly source: HookSource;
      readonly event: HookEvent | null;
      readonly about: string;
    }
  /** The end of another session's run. */
  | { readonly kind: 'run'; readonly sessionId: string; readonly outcome: 'done' | 'failed' };
/**
 * `queued`: waits for room. `starting`: its session is being made. `skipped`: left out, because others still worked.
 * `failed`: no session worked on it. `ended`: its run has ended, see `outcome`.
 */
export type StartState = 'queued' | 'starting' | 'running' | 'ended' | 'skipped' | 'failed';
/** One entry of an automation's history. */
export interface AutomationStart {
  readonly id: string;
  readonly automationId: string;
  readonly version: number;
  readonly kind: AutomationKind;
  readonly cause: StartCause;
  readonly at: number; // epoch ms
  readonly state: StartState;
  readonly sessionId: SessionId | null;
  /** Why it was skipped, failed or waits, or the result of a prebuild; empty otherwise. */
  readonly text: string;
  /** How its run or prebuild ended; null before, and where none did. */
  readonly outcome: z.output<typeof Outcome> | null;
  readonly endedAt: number | null;
  /** The cost of its session until the end; null before. */
  readonly cost: StartCost | null;
  /** The quoted words of others that its session is shown next to the message; empty when it has ended. */
  readonly given: string;
  /** The automations whose runs led to this start, the first one first. */
  readonly chain: readonly string[];
  /** The agent that the program of its automation named then; absent: no program defined it. */
  readonly agent?: string | undefined;
  /** The API's word, or the error's code, for the reason why there is no session; absent: there is one. */
  readonly failure?: string | undefined;
}
export interface StartCost {
  readonly turns: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** In the currency of the price list; null when the price of one of the models is not known. */
  readonly cost: number | null;
}
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
  list(owner?: string): Promise<readonly Automation[]>;
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
  resume(id: string): Promise<Automation>;
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
  resume: { may: 'work', audit: 'automation.resume' },
  start: { may: 'guarded', audit: 'automation.start' },
  rotateSecret: { may: 'work', audit: 'automation.rotate' },
  receive: { may: 'any', audit: null }, // src/sessions/access audits those that start something
  starts: { may: 'read', audit: null },
  times: { may: 'any', audit: null },
};
