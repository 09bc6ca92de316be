import { raceAbort } from '../../core/concurrency/cancel.ts';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { LiveSession } from '../run/live-session.ts';

export interface WorkspaceHook {
  /** If the hook rejects, the use of the sandbox fails. */
  beforeUse?(live: LiveSession, client: SandboxClient, signal: AbortSignal): Promise<void>;
  onFact?(live: LiveSession, fact: SessionFact, seq: number): void;
}

export class WorkspaceQueue {
  readonly inTurn = createKeyedQueue();
  readonly #pending = new Map<SessionId, Promise<void>>();

  /** Never rejects. */
  begin(id: SessionId, work: () => Promise<void>, onError: (thrown: unknown) => void): Promise<void> {
    const done = this.inTurn(id, work).catch(onError);
    this.#pending.set(id, done);
    void done.then(() => this.#pending.get(id) === done && this.#pending.delete(id));
    return done;
  }

  pending(id: SessionId): Promise<void> | undefined {
    return this.#pending.get(id);
  }

  async settled(id: SessionId, signal: AbortSignal): Promise<void> {
    const pending = this.#pending.get(id);
    if (pending) await raceAbort(pending, signal);
  }
}
