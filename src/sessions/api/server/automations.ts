import type { z } from 'zod';
import type { SessionId } from '../../../core/model/ids.ts';
import type { Outcome } from '../../../core/model/records.ts';
import type { ServiceRules } from '../rules.ts';

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
/** The fields that people choose. */
export interface AutomationSpec {
  readonly name: string;
  /** The text that the agent gets at each start. */
  readonly message: string;
  readonly projectId: string | null;
  /** Null: that of the project, else of the server. */
  readonly template: string | null;
  /** `demo` or `provider/model`; null: that of the project or template, else of the server. */
  readonly model: string | null;
  /** Null: it starts only when somebody starts it. */
  readonly schedule: Schedule | null;
  /** A start that comes while `maxRunning` of its sessions work: leave it out, let it wait, or stop the oldest. */
  readonly whileRunning: 'skip' | 'queue' | 'stop';
  readonly maxRunning: number;
  /** The automation pauses after this many failures in a row. */
  readonly maxFailures: number;
  /** People with a key of their own see it and its starts. */
  readonly shared: boolean;
}
/** Why an automation does not start by itself any more, until somebody resumes it. */
export interface AutomationPause {
  readonly by: 'person' | 'failures' | 'owner';
  readonly text: string;
  readonly at: number; // epoch ms
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
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The reason for a start. */
export type StartCause =
  | { readonly kind: 'schedule'; readonly dueAt: number }
  /** The key of the person who started it; null: the server's own token, or none is needed. */
  | { readonly kind: 'person'; readonly key: string | null };
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
  readonly cause: StartCause;
  readonly at: number; // epoch ms
  readonly state: StartState;
  readonly sessionId: SessionId | null;
  /** Why it was skipped or failed, or what it waits for; empty otherwise. */
  readonly text: string;
  /** How its run ended; null before, and where none did. */
  readonly outcome: z.output<typeof Outcome> | null;
  readonly endedAt: number | null;
  /** The cost of its session until the end; null before. */
  readonly cost: StartCost | null;
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

/** Every method that takes an id rejects with not_found for an unknown automation. */
export interface AutomationService {
  /** Newest first; only one owner's, and shared ones, when `owner` is given. */
  list(owner?: string): Promise<readonly Automation[]>;
  /** Rejects: invalid_request (a schedule, template or model that does not exist), quota (100 of one owner). */
  create(spec: AutomationSpec & { readonly owner?: string }): Promise<Automation>;
  get(id: string): Promise<Automation>;
  /** Changes the given fields. Rejects: conflict (`version` is given and not the present one), as `create` does. */
  update(id: string, change: Partial<AutomationSpec> & { readonly version?: number }): Promise<Automation>;
  /** The automation's sessions and the history of its starts stay until they are deleted themselves. */
  delete(id: string): Promise<void>;
  /** The schedule rests. Sessions that work go on. */
  pause(id: string): Promise<Automation>;
  /** The schedule counts again, from now on. */
  resume(id: string): Promise<Automation>;
  /** Starts it now, paused or not. Rejects: quota (20 starts wait). */
  start(id: string, key: string | null): Promise<AutomationStart>;
  /** The newest first. */
  starts(id: string, query: StartsQuery): Promise<readonly AutomationStart[]>;
  /** The next times of a schedule, without jitter, epoch ms. Rejects: invalid_request. */
  times(schedule: Pick<Schedule, 'cron' | 'timezone'>, count: number): Promise<readonly number[]>;
}

export const automationRules: ServiceRules<AutomationService> = {
  list: { may: 'guarded', audit: null },
  create: { may: 'guarded', audit: 'automation.create' },
  get: { may: 'see', audit: null },
  update: { may: 'guarded', audit: 'automation.change' },
  delete: { may: 'stop', audit: 'automation.delete' },
  pause: { may: 'stop', audit: 'automation.pause' },
  resume: { may: 'work', audit: 'automation.resume' },
  start: { may: 'guarded', audit: 'automation.start' },
  starts: { may: 'read', audit: null },
  times: { may: 'guarded', audit: null },
};
