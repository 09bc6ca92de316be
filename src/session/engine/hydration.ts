import type { SessionInput } from '../../../machines/session.ts';
import { throwIfFired } from '../../core/cancel.ts';
import { AppError } from '../../core/errors.ts';
import type { SessionFact } from '../../core/events.ts';
import { type RunId, type SessionId, sandboxIdOf } from '../../core/ids.ts';
import { DesktopNews } from '../run/desktop-facts.ts';
import type { Live } from '../run/live-session.ts';
import { StoredSession } from '../run/projection.ts';
import { RunWriter } from '../run/run-writer.ts';
import { SessionWriter } from '../run/session-writer.ts';
import { Transcript } from '../run/transcript.ts';
import type { SandboxExchange } from './cluster.ts';
import type { EngineOptions } from './engine-options.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { Ownership } from './ownership.ts';
import { foldRuns, queuedRun, type RunFold } from './run-fold.ts';
import { beingRestarted } from './supervision.ts';

type Settings = Pick<EngineOptions, 'runPolicy' | 'sandboxPolicy' | 'passivateMs' | 'maxQueued'>;
type World = Pick<EngineOptions, 'store' | 'log' | 'profileOf' | 'clock' | 'ids' | 'isWatched' | 'onFact'>;
interface Deps extends Settings, World {
  readonly liveSessions: LiveSessions;
  readonly ownership: Ownership;
  readonly remoteSandboxes: Pick<SandboxExchange, 'leave'> | undefined;
  /** Called when the log refuses a write of the session. */
  readonly onBroken: (id: SessionId, error: AppError) => void;
}

const nothing: Awaited<ReturnType<typeof foldRuns>> = { runs: [], folds: new Map() };

/** Builds a session in memory from its record and log, and returns the input of its machine. */
export class Hydration {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Rejects: session_not_found; fenced, when another server owns it. */
  async make(id: SessionId, signal: AbortSignal): Promise<SessionInput> {
    const { store, log, profileOf, liveSessions, ownership, remoteSandboxes } = this.#deps;
    await this.#alone(id);
    await ownership.take(id, 'asked');
    await remoteSandboxes?.leave(id);
    // Read first: if an earlier owner appends after this, our first append is fenced.
    const { head } = await log.page(id, Number.MAX_SAFE_INTEGER, 1);
    const found = await store.records.get('session', id);
    if (!found) throw new AppError('session_not_found', 'There is no such session.');
    const record = StoredSession.parse(found.doc);
    // A deleted session resumes no run: an unreadable log must not keep its sandbox alive.
    const { runs, folds } = record.deleting ? nothing : await foldRuns(log, record);
    const live = this.#live(record, head);
    const { transcript } = live;
    if (folds.size > 0) await transcript.load();
    throwIfFired(signal); // the session was evicted meanwhile
    const first = runs[0];
    const fold = first && folds.get(first.runId);
    live.task = first?.task ?? '';
    if (first && fold) await this.#takeUp(live, first.runId, fold);
    const { plans } = await profileOf(record);
    throwIfFired(signal);
    liveSessions.add(live);
    const now = this.#deps.clock.now();
    return {
      ...this.#begin(record, plans),
      runs: runs.map((run) => queuedRun(run, folds.get(run.runId)?.resume(transcript, run.runId, now))),
    };
  }

  /** Waits until the session's earlier actor has written its last facts. */
  async #alone(id: SessionId): Promise<void> {
    const { liveSessions } = this.#deps;
    const before = liveSessions.get(id);
    before?.runWriter?.shut();
    await before?.writer.settled();
    before?.writer.fence(beingRestarted());
    await liveSessions.leaving(id);
  }

  #begin({ id, deleting, sandboxUntrusted }: StoredSession, plans: boolean): Omit<SessionInput, 'runs'> {
    const { runPolicy, sandboxPolicy, passivateMs, maxQueued, clock, liveSessions } = this.#deps;
    const { expiresAt, starts } = liveSessions.takeSandbox(id);
    return {
      sessionId: id,
      sandboxId: sandboxIdOf(id),
      runPolicy: { ...runPolicy, plans },
      sandboxPolicy,
      passivateMs,
      maxQueued,
      deleting,
      distrusted: sandboxUntrusted,
      ...(expiresAt === undefined || deleting
        ? { sandbox: starts ? 'start' : 'absent' }
        : {
            sandbox: sandboxUntrusted ? 'discard' : 'adopt',
            sandboxLivedMs: sandboxPolicy.ttlMs - (expiresAt - clock.now()),
          }),
    };
  }

  #live(record: StoredSession, head: number): Live {
    const { log, clock, store, isWatched, onFact, onBroken, ownership, liveSessions } = this.#deps;
    const { id } = record;
    const live: Live = {
      id,
      writer: new SessionWriter({
        log,
        clock,
        record,
        head,
        isWatched: () => isWatched(id),
        onFact: (fact) => onFact(id, fact),
        confirm: () => ownership.confirm(id),
        onBroken: (error) => {
          if (liveSessions.get(id) === live) onBroken(id, error);
        },
      }),
      runWriter: undefined,
      client: undefined,
      isPaused: false,
      desktop: new DesktopNews(),
      task: '',
      transcript: new Transcript(id, store.records),
    };
    return live;
  }

  /** Continues a run that a restart interrupted: an open message is completed with the text so far. */
  async #takeUp(live: Live, runId: RunId, fold: RunFold): Promise<void> {
    const { ids, clock } = this.#deps;
    const { writer, transcript } = live;
    if (fold.openMessage) writer.message.adopt(fold.openMessage.fact, fold.openMessage.text);
    live.runWriter = new RunWriter({ writer, transcript, ids, clock, runId, soFar: fold.soFar(transcript) });
    const detail = 'The server was restarted; the run goes on.';
    const resumed: SessionFact = { type: 'run.notice', runId, data: { kind: 'resumed_after_restart', detail } };
    await writer.write([...writer.message.close(), resumed]);
  }
}
