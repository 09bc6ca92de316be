import { ServerComponent } from '../core/contracts/server-parts.ts';
import { toAppError } from '../core/errors/errors.ts';
import type { SessionId } from '../core/model/ids.ts';
import type { SessionRecord } from '../core/model/records.ts';
import { hasUnpreparedRepository, type SessionRepository } from '../core/model/repository.ts';
import type { SessionService } from '../sessions/api/sessions.ts';

interface Deps {
  readonly sessions: Pick<SessionService, 'get' | 'history'>;
  /** Resolves when the session's repositories are prepared or their preparation has failed. */
  readonly prepare: (id: SessionId, signal: AbortSignal) => Promise<unknown>;
  readonly closing: AbortSignal;
  readonly wake: () => void;
}
export interface PrebuildResult {
  readonly status: 'completed' | 'failed';
  readonly text: string;
}
interface Preparing {
  failure?: { readonly text: string; readonly retryable: boolean };
  isOver: boolean;
}

const maxText = 2_000;

/** Prepares repositories, without an agent, for the owner's later sessions. */
export class PrebuildRunner extends ServerComponent<Deps> {
  /** Includes unread results. A server restart empties the map, and unfinished work starts again. */
  readonly #preparing = new Map<SessionId, Preparing>();

  /** Starts the work if necessary. Resolves with undefined until the work ends. */
  async follow(session: SessionRecord, { mayRetry }: { mayRetry: boolean }): Promise<PrebuildResult | undefined> {
    const { id, repositories = [] } = session;
    const known = this.#preparing.get(id);
    if (!known) {
      if (!hasUnpreparedRepository(session)) return await this.#readEnd(session, repositories);
      this.#begin(id);
      return undefined;
    }
    if (!known.isOver) return undefined;
    this.#preparing.delete(id);
    const { failure } = known;
    if (failure && !(failure.retryable && mayRetry)) return { status: 'failed', text: failure.text };
    const now = await this.deps.sessions.get(id);
    return hasUnpreparedRepository(now) ? undefined : await this.#readEnd(now, now.repositories ?? []);
  }

  #begin(id: SessionId): void {
    const { prepare, closing, sessions, wake } = this.deps;
    const state: Preparing = { isOver: false };
    this.#preparing.set(id, state);
    const work = async () => {
      try {
        await prepare(id, closing);
      } catch (thrown) {
        const { publicMessage: text, retryable } = toAppError(thrown);
        if (!closing.aborted) state.failure = { text, retryable };
      }
      state.isOver = true;
      // If the sandbox was lost, the next round retries.
      const isComplete = await sessions.get(id).then(
        (now) => !hasUnpreparedRepository(now),
        () => true,
      );
      if (isComplete || (state.failure && !state.failure.retryable)) wake();
    };
    void work();
  }

  async #readEnd({ id }: SessionRecord, repositories: readonly SessionRepository[]): Promise<PrebuildResult> {
    const details = new Map<string, string>();
    for await (const { type, data } of this.deps.sessions.history(id))
      if (type === 'repository') details.set(data.path, data.detail);
    const ends = repositories.map((one) => ({ state: stateOf(one), text: textOf(one, details.get(one.path)) }));
    const isKept = ends.some(({ state }) => state === 'kept') && ends.every(({ state }) => state !== 'failed');
    const text = ends
      .map((one) => one.text)
      .join(' ')
      .slice(0, maxText);
    return { status: isKept ? 'completed' : 'failed', text };
  }
}

function stateOf({ state, environment }: SessionRepository): 'kept' | 'failed' | 'nothing' {
  if (state !== 'ready' || environment?.setup === 'failed') return 'failed';
  if (!environment || environment.setup === 'none') return 'nothing';
  return environment.storedBytes === undefined ? 'failed' : 'kept';
}

function textOf({ state, error, path, environment }: SessionRepository, detail: string | undefined): string {
  if (state !== 'ready') return error ?? `${path} was not fetched.`;
  if (!environment || environment.setup === 'none')
    return `${path} has no .corral/setup.sh, so there is nothing to prepare in it.`;
  return detail ?? `${path}: ${environment.setup}.`;
}
