import type { SessionId } from '../../../core/model/ids.ts';
import type { Attempt, AttemptBudget, AttemptResult, AttemptSet } from '../../../core/model/runs/attempts.ts';
import type { Goal } from '../../../core/model/runs/goal.ts';
import type { ServiceRules } from '../rules.ts';

export interface StartAttemptsCommand {
  readonly task: string;
  readonly goal?: Goal | undefined;
  /** One entry per attempt, 2 to 8. */
  readonly attempts: readonly { readonly template?: string | undefined; readonly model?: string | undefined }[];
  /**
   * `fork`: start with the session's conversation and files; `copy`: only its files; `none`: neither. Unset: `fork` if a run of
   * the session has ended, else `copy`.
   */
  readonly begins?: AttemptSet['begins'] | undefined;
  readonly budget?: AttemptBudget | undefined;
}
export interface ChooseAttemptCommand {
  readonly n: number;
  readonly others: AttemptSet['others'];
}

/** `waiting`: the attempt's session is waiting for an answer or an approval. */
export type AttemptState = 'planned' | 'pending' | 'running' | 'waiting' | 'not_started' | AttemptResult['status'];
export interface AttemptView extends Omit<Attempt, 'phase' | 'result' | 'isDeleted'> {
  readonly state: AttemptState;
  readonly result: AttemptResult | null;
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
  /** The attempt cannot be opened or chosen: its session does not exist yet, or was deleted. */
  readonly isGone: boolean;
}
export interface AttemptSetView extends Omit<AttemptSet, 'attempts'> {
  readonly attempts: readonly AttemptView[];
  /**
   * The number of the best completed attempt, compared by goal, passed checks, score, lower cost and fewer tokens, in that
   * order. Null: none has completed.
   */
  readonly best: number | null;
}
export interface AttemptDiff {
  readonly text: string;
  readonly truncated: boolean;
}

/**
 * Runs several attempts at one task in parallel, each in its own child session. A caller then chooses one result. Every
 * method also rejects with session_not_found, and with not_found for unknown attempts.
 *
 * @example
 * const { id } = await attempts.start(sessionId, { task: 'Fix the test', attempts: [{}, { model: 'demo' }] });
 * await attempts.choose(sessionId, id, { n: 2, others: 'delete' }, signal);
 */
export interface AttemptService {
  /**
   * Returns before any attempt has begun. Rejects: conflict (a run or other attempts are active, there is no ended run to
   * fork, the session is nested too deeply), invalid_request (template, model).
   */
  start(id: SessionId, command: StartAttemptsCommand): Promise<AttemptSetView>;
  /** Newest first. */
  list(id: SessionId): Promise<readonly AttemptSetView[]>;
  get(id: SessionId, attempts: string): Promise<AttemptSetView>;
  /** The file changes of an ended attempt. Rejects: not_found (no diff is known). */
  diff(id: SessionId, attempts: string, n: number): Promise<AttemptDiff>;
  /**
   * Gives the session exactly the files of an attempt, and stops the other attempts. Resolves when the session has the
   * files. Rejects: conflict (the attempt has not ended or was deleted, another attempt is being chosen, a run of the
   * session is active, the copy failed).
   */
  choose(id: SessionId, attempts: string, command: ChooseAttemptCommand, signal: AbortSignal): Promise<AttemptSetView>;
  /** Stops all attempts; their sessions are kept. */
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
