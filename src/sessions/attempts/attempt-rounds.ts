import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import { WorkLoop } from '../../core/concurrency/rounds.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { type ErrorCode, toAppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { Attempt, AttemptResult, AttemptSet } from '../../core/model/runs/attempts.ts';
import type { SessionService } from '../api/sessions.ts';
import { type ChildStarter, ignoreChildNotFound } from '../delegation/child-starts.ts';
import { type AttemptRecords, deriveAttemptSessionId, type PendingAttempts } from './attempt-records.ts';
import type { AttemptOutcome } from './attempt-results.ts';

// Steps are repeatable and their progress is stored, so another server can continue the attempts.

interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly records: AttemptRecords;
  readonly sessions: Pick<SessionService, 'get' | 'stop' | 'delete' | 'activeRun'>;
  readonly starts: Pick<ChildStarter, 'start'>;
  readonly workOf: (session: SessionRecord, signal: AbortSignal) => Promise<AttemptOutcome | undefined>;
  readonly takeFiles: (
    copied: { from: SessionId; to: SessionId; attempt: number },
    signal: AbortSignal,
  ) => Promise<void>;
  readonly leads: () => Promise<boolean>;
  /** Maximum pause between rounds, in ms. Rounds also pick up attempts from other servers. */
  readonly lookMs: number;
}

const workingMs = 1_000;
const mostAtOnce = 20; // maximum number of attempt sets processed at once
const graceMs = 60_000; // an older pending entry without an attempt set comes from a dead server
const maxTries = 5; // after this many tries, a retryable error not in `transientErrors` fails the start
/** Errors unrelated to the attempt. The next round repeats the failed step. */
const transientErrors: ReadonlySet<ErrorCode> = new Set([
  ...(['cancelled', 'fenced', 'shutting_down', 'store_busy', 'store_unavailable', 'rate_limited'] as const),
]);

export class AttemptRunner extends ServerComponent<Deps> {
  readonly #rounds = new WorkLoop({
    ...this.deps,
    round: (signal) => this.#round(signal),
    restMs: { longest: this.deps.lookMs, failed: workingMs },
    failure: 'attempts could not be checked',
  });
  readonly #driven = new Map<string, Promise<void>>();
  readonly #tries = new Map<string, number>();

  wake = (): void => {
    this.#rounds.wake();
  };

  async run(signal: AbortSignal): Promise<void> {
    await this.#rounds.run(signal);
    await Promise.allSettled(this.#driven.values());
  }

  async #round(signal: AbortSignal): Promise<number> {
    const { records, leads, lookMs, warn } = this.deps;
    const open = await records.allOpen();
    for (const id of this.#tries.keys()) if (!open.some(({ attempts }) => attempts === id)) this.#tries.delete(id);
    if (open.length === 0 || !(await leads())) return lookMs;
    for (const one of open) {
      if (this.#driven.size >= mostAtOnce) break;
      if (this.#driven.has(one.attempts)) continue;
      const driven = this.#drive(one, signal)
        .catch((err: unknown) => {
          if (!signal.aborted) warn({ err, session: one.sessionId }, 'attempts could not be continued; trying again');
        })
        .finally(() => this.#driven.delete(one.attempts));
      this.#driven.set(one.attempts, driven);
    }
    return workingMs;
  }

  async #drive(open: PendingAttempts, signal: AbortSignal): Promise<void> {
    const { records, sessions, clock } = this.deps;
    const { sessionId, attempts } = open;
    for (;;) {
      throwIfAborted(signal);
      const parent = await sessions.get(sessionId).catch(ignoreChildNotFound);
      const stepped =
        parent &&
        (await records.step(sessionId, attempts, async (set) => {
          const next = await this.#step(set, parent, signal);
          await failpoint('attempts.stepped');
          return next;
        }));
      if (!stepped) {
        if (!parent || open.at < clock.now() - graceMs) await this.#abandon(open);
        return;
      }
      if (stepped.next === 'wait') return;
      if (stepped.next !== 'done') continue;
      await records.close(sessionId);
      const now = await records.find(sessionId, attempts);
      if (!now || now.version === stepped.version) return;
      await records.open(open); // an attempt was chosen in the meantime
    }
  }

  async #abandon({ sessionId, attempts, count }: PendingAttempts): Promise<void> {
    const { records, sessions } = this.deps;
    for (let n = 1; n <= count; n++)
      await sessions.delete(deriveAttemptSessionId(attempts, n)).catch(ignoreChildNotFound);
    await records.close(sessionId);
  }

  /** `wait`: a run must end first. `done`: no steps remain. */
  async #step(set: AttemptSet, parent: SessionRecord, signal: AbortSignal): Promise<AttemptSet | 'wait' | 'done'> {
    if (set.phase === 'choosing') return await this.#choose(set, signal);
    const planned = set.attempts.find(({ phase }) => phase === 'planned');
    if (planned && set.isStopped) return withAttempt(set, { ...planned, phase: 'not_started', error: stoppedFirst });
    if (planned) return withAttempt(set, await this.#start(set, { parent, attempt: planned }, signal));
    const working = set.attempts.filter(({ phase }) => phase === 'working');
    for (const attempt of working) {
      const ended = await this.#look(set, attempt, signal);
      if (ended) return withAttempt(set, ended);
    }
    const doomed = set.phase === 'chosen' && set.others === 'delete' ? set.attempts.find(isDoomed(set)) : undefined;
    if (doomed) {
      await this.deps.sessions.delete(doomed.sessionId).catch(ignoreChildNotFound);
      await failpoint('attempts.deleted');
      return withAttempt(set, { ...doomed, isDeleted: true });
    }
    if (working.length > 0) return 'wait';
    return set.phase === 'running' ? { ...set, phase: 'ended' } : 'done';
  }

  async #start(
    set: AttemptSet,
    { parent, attempt }: { readonly parent: SessionRecord; readonly attempt: Attempt },
    signal: AbortSignal,
  ): Promise<Attempt> {
    const { sessionId: id, template, model } = attempt;
    const left = set.attempts.filter(({ phase }) => phase === 'planned').length;
    try {
      const start = {
        id,
        parent,
        cause: { runId: null, callId: null, attempts: set.id, n: attempt.n },
        task: set.task,
        goal: set.goal ?? undefined,
        template: template ?? undefined,
        model: model ?? undefined,
        begins: set.begins,
        budget: set.budget,
        parts: left,
      } as const;
      await this.deps.starts.start(start, signal);
      this.#tries.delete(set.id);
      return { ...attempt, phase: 'working' };
    } catch (thrown) {
      throwIfAborted(signal);
      const { code, retryable, publicMessage } = toAppError(thrown);
      const tries = (this.#tries.get(set.id) ?? 0) + 1;
      this.#tries.set(set.id, tries);
      if (transientErrors.has(code) || (retryable && tries < maxTries)) throw thrown;
      this.#tries.delete(set.id);
      return { ...attempt, phase: 'not_started', error: publicMessage };
    }
  }

  async #look(set: AttemptSet, attempt: Attempt, signal: AbortSignal): Promise<Attempt | undefined> {
    const { sessions, workOf, records } = this.deps;
    const session = await sessions.get(attempt.sessionId).catch(ignoreChildNotFound);
    if (!session) return { ...attempt, phase: 'ended', result: deletedResult, isDeleted: true };
    if (set.isStopped) await sessions.stop(session.id).catch(ignoreChildNotFound);
    else if (session.status !== 'completed') return undefined;
    const work = await workOf(session, signal);
    if (!work) return undefined;
    if (work.diff) await records.putDiff(set, attempt.n, work.diff);
    return { ...attempt, phase: 'ended', result: work.result };
  }

  async #choose(set: AttemptSet, signal: AbortSignal): Promise<AttemptSet> {
    const { sessions, takeFiles } = this.deps;
    const chosen = set.attempts.find(({ n }) => n === set.chosen);
    const refused = (error: string): AttemptSet => ({ ...set, phase: 'ended', chosen: null, error });
    if (!chosen || !(await sessions.get(chosen.sessionId).catch(ignoreChildNotFound)))
      return refused('The session of the chosen attempt no longer exists.');
    if (await sessions.activeRun(set.sessionId))
      return refused('A run of the session is in progress. Wait until it ends.');
    try {
      await takeFiles({ from: chosen.sessionId, to: set.sessionId, attempt: chosen.n }, signal);
    } catch (thrown) {
      throwIfAborted(signal);
      const { code, publicMessage } = toAppError(thrown);
      if (transientErrors.has(code)) throw thrown;
      return refused(`${publicMessage} Choose again.`);
    }
    await failpoint('attempts.taken');
    return { ...set, phase: 'chosen', error: null };
  }
}

const stoppedFirst = 'The attempts were stopped before it began.';
const deletedResult: AttemptResult = {
  ...{ status: 'deleted', goal: null, checks: [], score: null, files: null, added: 0, removed: 0 },
  ...{ unknown: 'Its session was deleted.', turns: 0, tokens: 0, cost: 0 },
};

const isDoomed =
  ({ chosen }: AttemptSet) =>
  ({ n, phase, isDeleted }: Attempt): boolean =>
    n !== chosen && phase === 'ended' && !isDeleted;

const withAttempt = (set: AttemptSet, attempt: Attempt): AttemptSet => ({
  ...set,
  attempts: set.attempts.map((one) => (one.n === attempt.n ? attempt : one)),
});
