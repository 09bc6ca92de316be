import type { SessionId } from '../../../core/model/ids.ts';
import type { Attempt, AttemptBudget, AttemptResult, AttemptSet } from '../../../core/model/runs/attempts.ts';
import type { Goal } from '../../../core/model/runs/goal.ts';
import type { ServiceRules } from '../rules.ts';

export interface StartAttemptsCommand {
  readonly task: string;
  readonly goal?: Goal | undefined;
  /** Two to eight entries, one per attempt. */
  readonly attempts: readonly { readonly template?: string | undefined; readonly model?: string | undefined }[];
  /** `fork`: with the conversation and files. `copy`: files only. Default: `fork` if a run has ended, else `copy`. */
  readonly begins?: AttemptSet['begins'] | undefined;
  readonly budget?: AttemptBudget | undefined;
}
export interface ChooseAttemptCommand {
  readonly n: number;
  readonly others: AttemptSet['others'];
}

export type AttemptState = 'planned' | 'pending' | 'running' | 'waiting' | 'not_started' | AttemptResult['status'];
export interface AttemptView extends Omit<Attempt, 'phase' | 'result' | 'isDeleted'> {
  readonly state: AttemptState;
  readonly result: AttemptResult | null;
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
  /** Whether the attempt's session was deleted or does not exist yet. */
  readonly isGone: boolean;
}
export interface AttemptSetView extends Omit<AttemptSet, 'attempts'> {
  readonly attempts: readonly AttemptView[];
  /** The best completed attempt, by goal, passed checks, score, cost, then tokens. Null if none has completed. */
  readonly best: number | null;
}
export interface AttemptDiff {
  readonly text: string;
  readonly truncated: boolean;
}

/**
 * Runs several attempts at one task in parallel, each in its own child session. A caller then chooses one. Methods also
 * reject with session_not_found, and with not_found for unknown attempts.
 *
 * @example
 * const { id } = await attempts.start(sessionId, { task: 'Fix the test', attempts: [{}, { model: 'demo' }] });
 * await attempts.choose(sessionId, id, { n: 2, others: 'delete' }, signal);
 */
export interface AttemptService {
  /**
   * Resolves before any attempt begins. Rejects: conflict (an active run or attempts, no ended run to fork, or a
   * session nested too deeply), invalid_request (an invalid template or model).
   */
  start(id: SessionId, command: StartAttemptsCommand): Promise<AttemptSetView>;
  /** Newest first. */
  list(id: SessionId): Promise<readonly AttemptSetView[]>;
  get(id: SessionId, attempts: string): Promise<AttemptSetView>;
  /** Rejects with not_found if the attempt has no stored diff. */
  diff(id: SessionId, attempts: string, n: number): Promise<AttemptDiff>;
  /**
   * Replaces the session's files with the attempt's, and stops the other attempts. Rejects: conflict (the attempt has
   * not ended or was deleted, another choice or a run is active, or the copy failed).
   */
  choose(id: SessionId, attempts: string, command: ChooseAttemptCommand, signal: AbortSignal): Promise<AttemptSetView>;
  /** Stops all attempts and keeps their sessions. */
  stop(id: SessionId, attempts: string): Promise<AttemptSetView>;
}

export const attemptRules: ServiceRules<AttemptService> = {
  start: { may: 'work', audit: 'attempts.start' },
  list: { may: 'read', audit: null },
  get: { may: 'read', audit: null },
  diff: { may: 'read', audit: 'look' },
  choose: { may: 'work', audit: 'attempts.choose' },
  stop: { may: 'stop', audit: 'attempts.stop' },
};
