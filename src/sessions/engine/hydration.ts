import type { RunPolicy } from '../../../machines/run.ts';
import type { SandboxPolicy } from '../../../machines/sandbox.ts';
import type { SessionInput } from '../../../machines/session.ts';
import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionFact } from '../../core/model/events.ts';
import { type RunId, type SessionId, sandboxIdOf } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { computeIdleTimeoutSeconds } from '../../core/model/sandboxes/idle-time.ts';
import { DesktopFactTracker } from '../run/desktop-facts.ts';
import type { LiveSession } from '../run/live-session.ts';
import { StoredSession } from '../run/log/projection.ts';
import { RunWriter } from '../run/log/run-writer.ts';
import { SessionWriter } from '../run/log/session-writer.ts';
import { Transcript } from '../run/log/transcript.ts';
import type { AgentProfile, AgentProfileResolver } from '../run/profile.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { Ownership, RemoteSandboxAccess } from './ownership.ts';
import { foldRuns, type RunFold, toQueuedRun } from './run-fold.ts';
import { restartingError } from './supervisor.ts';
import type { SessionStreamRegistry } from './watchers.ts';

export interface SessionPolicies {
  readonly run: Omit<RunPolicy, 'plans'>;
  readonly sandbox: SandboxPolicy;
  readonly mostIdleSeconds: (session: SessionRecord) => number;
  readonly passivateMs: number;
  /** Messages beyond this number are refused with queue_full. */
  readonly maxQueued: number;
}
interface Deps extends Pick<ServerDependencies, 'clock' | 'ids' | 'log'> {
  readonly store: Pick<Store, 'records'>;
  readonly profileOf: AgentProfileResolver;
  readonly policies: SessionPolicies;
  readonly watchers: Pick<SessionStreamRegistry, 'isWatched'>;
  readonly onFact: (id: SessionId, fact: SessionFact, seq: number) => void;
  readonly liveSessions: LiveSessions;
  readonly ownership: Ownership;
  readonly remoteSandboxes: Pick<RemoteSandboxAccess, 'leave'> | undefined;
}

interface SessionRunSettings {
  readonly plans: boolean;
  readonly budget: AgentProfile['budget'] | undefined;
}

const nothing: Awaited<ReturnType<typeof foldRuns>> = { runs: [], folds: new Map() };

/** `idleStopMs` is a timer's maximum delay; longer timers fire immediately. */
const neverIdle = { idlePauseMs: undefined, idleStopMs: 2 ** 31 - 1 };

function idleAfter(seconds: number, { idleStopMs, idlePauseMs }: SandboxPolicy): Partial<SandboxPolicy> {
  const ms = seconds * 1_000;
  if (ms === idleStopMs) return {};
  return { idleStopMs: ms, idlePauseMs: idlePauseMs === undefined ? undefined : ms / 2 };
}

export class SessionHydrator extends ServerComponent<Deps> {
  /** Rejects: session_not_found, fenced (another server owns the session). */
  async make(id: SessionId, signal: AbortSignal): Promise<SessionInput> {
    const { store, log, profileOf, liveSessions, ownership, remoteSandboxes } = this.deps;
    await this.#alone(id);
    await ownership.take(id, 'confirmed');
    await remoteSandboxes?.leave(id);
    // Read the head first, so that an earlier holder's late append fences our first append.
    const { head } = await log.page(id, Number.MAX_SAFE_INTEGER, 1);
    const found = await store.records.get('session', id);
    if (!found) throw new AppError('session_not_found', 'There is no such session.');
    const record = StoredSession.parse(found.doc);
    // Skips the log of a session that is being deleted, because read errors would keep its sandbox alive.
    const { runs, folds } = record.deleting ? nothing : await foldRuns(log, record);
    const live = this.#live(record, head);
    if (folds.size > 0) await live.transcript.load();
    throwIfAborted(signal);
    const first = runs[0];
    const fold = first && folds.get(first.runId);
    live.task = first?.task ?? '';
    if (first && fold && first.startedSeq !== null) await this.#takeUp(live, first.runId, fold);
    const { plans, budget } = await profileOf(record);
    throwIfAborted(signal);
    liveSessions.add(live);
    const now = this.deps.clock.now();
    return {
      ...this.#begin(record, { plans, budget }),
      runs: runs.map((run) => {
        const of = folds.get(run.runId);
        const resume = run.startedSeq === null ? undefined : of?.resume(live.transcript, run.runId, now);
        return toQueuedRun(run, { resume, goal: of?.goal });
      }),
    };
  }

  async #alone(id: SessionId): Promise<void> {
    const { liveSessions } = this.deps;
    const before = liveSessions.get(id);
    before?.runWriter?.shut();
    await before?.writer.settled();
    before?.writer.fence(restartingError());
    await liveSessions.leaving(id);
  }

  #begin(record: StoredSession, { plans, budget }: SessionRunSettings): Omit<SessionInput, 'runs'> {
    const { id, deleting, sandboxUntrusted, parent, owner } = record;
    const { policies, clock, liveSessions } = this.deps;
    const idleSeconds = computeIdleTimeoutSeconds(record, policies.mostIdleSeconds(record));
    const { run, sandbox, passivateMs, maxQueued } = policies;
    const { expiresAt, starts } = liveSessions.takeSandbox(id);
    return {
      sessionId: id,
      sandboxId: sandboxIdOf(id),
      runPolicy: { ...run, plans, budget: { ...run.budget, ...budget } },
      sandboxPolicy: { ...sandbox, ...(idleSeconds === null ? neverIdle : idleAfter(idleSeconds, sandbox)) },
      passivateMs,
      maxQueued,
      deleting,
      distrusted: sandboxUntrusted,
      ...(parent && { isChild: true }),
      ...(owner && { owner }),
      ...(expiresAt === undefined || deleting
        ? { sandbox: starts ? 'start' : 'absent' }
        : {
            sandbox: sandboxUntrusted ? 'discard' : 'adopt',
            sandboxLivedMs: sandbox.ttlMs - (expiresAt - clock.now()),
          }),
    };
  }

  #live(record: StoredSession, head: number): LiveSession {
    const { log, clock, store, watchers, onFact, ownership, liveSessions } = this.deps;
    const { id } = record;
    let transcript: Transcript | undefined; // created on first use, because most sessions in memory never run
    const live: LiveSession = {
      id,
      writer: new SessionWriter({
        log,
        clock,
        record,
        head,
        isWatched: () => watchers.isWatched(id),
        onFact: (fact, seq) => onFact(id, fact, seq),
        confirm: () => ownership.confirm(id),
        onBroken: (error) => liveSessions.broken(live, error),
      }),
      runWriter: undefined,
      client: undefined,
      isPaused: false,
      held: {},
      sandboxFailure: undefined,
      desktop: new DesktopFactTracker(),
      attached: new Map(record.openRuns.map(({ messageId, attachments = [] }) => [messageId, attachments])),
      task: '',
      get transcript() {
        transcript ??= new Transcript(id, store.records);
        return transcript;
      },
    };
    return live;
  }

  /** Completes an open message with the text received so far. */
  async #takeUp(live: LiveSession, runId: RunId, fold: RunFold): Promise<void> {
    const { ids, clock } = this.deps;
    const { writer, transcript } = live;
    if (fold.openMessage) writer.message.adopt(fold.openMessage.fact, fold.openMessage.text);
    const soFar = { ...fold.soFar(transcript), broken: fold.openMessage?.text };
    live.runWriter = new RunWriter({ writer, transcript, ids, clock, runId, soFar });
    const detail = 'The server was restarted; the run continues.';
    const resumed: SessionFact = { type: 'run.notice', runId, data: { kind: 'resumed_after_restart', detail } };
    await writer.write([...writer.message.close(), resumed]);
  }
}
