import type { Connection } from './connection.ts';
import type { Inputs, Outputs } from './types.ts';

/** A task attempted several times: each attempt with its state, result and cost. */
export type Attempts = Outputs['attempts']['get'];
export type AttemptDiff = Outputs['attempts']['diff'];
export type AttemptsOptions = Partial<Omit<Inputs['attempts']['start'], 'sessionId' | 'task'>>;

const pollMs = 1_000;
const working: ReadonlySet<string> = new Set(['planned', 'pending', 'running']);

/**
 * Parallel attempts at a task. Each attempt is a child session of the box.
 *
 * @example
 * const goal = { checks: [{ command: 'npm test' }] };
 * const { id } = await box.attempts.start('Fix the failing test', { attempts: 3, goal });
 * const { best } = await box.attempts.settled(id);
 * if (best !== null) await box.attempts.choose(id, best, { others: 'delete' });
 */
export class BoxAttempts {
  readonly #server: Connection;
  readonly #sessionId: string;

  constructor(server: Connection, sessionId: string) {
    this.#server = server;
    this.#sessionId = sessionId;
  }

  /** Does not wait for an attempt to start. Rejects with conflict, for example during a run. */
  start(task: string, { attempts = 3, ...options }: AttemptsOptions = {}): Promise<Attempts> {
    const requested = { sessionId: this.#sessionId, task, attempts, ...options };
    return this.#server.call((api) => api.attempts.start.mutate(requested));
  }
  /** Newest first. */
  list(): Promise<readonly Attempts[]> {
    return this.#server.call((api) => api.attempts.list.query({ sessionId: this.#sessionId }));
  }
  get(id: string): Promise<Attempts> {
    return this.#server.call((api) => api.attempts.get.query({ sessionId: this.#sessionId, id }));
  }
  /** Resolves when every attempt has ended or is waiting for an answer. */
  async settled(id: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Attempts> {
    for (;;) {
      const now = await this.get(id);
      const isWaiting = now.attempts.some(({ state }) => state === 'waiting');
      if (now.phase !== 'running' || (isWaiting && !now.attempts.some(({ state }) => working.has(state)))) return now;
      signal?.throwIfAborted();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        const wake = () => {
          clearTimeout(timer);
          resolve();
        };
        signal?.addEventListener('abort', wake, { once: true });
      });
    }
  }
  /** The changes that an ended attempt made to the files, as a diff. */
  diff(id: string, n: number): Promise<AttemptDiff> {
    return this.#server.call((api) => api.attempts.diff.query({ sessionId: this.#sessionId, id, n }));
  }
  /** Replaces the box's files with those of one attempt, and ends the other attempts. */
  choose(id: string, n: number, options: { readonly others?: 'keep' | 'delete' } = {}): Promise<Attempts> {
    return this.#server.call((api) => api.attempts.choose.mutate({ sessionId: this.#sessionId, id, n, ...options }));
  }
  /** Ends all attempts; their sessions stay. */
  stop(id: string): Promise<Attempts> {
    return this.#server.call((api) => api.attempts.stop.mutate({ sessionId: this.#sessionId, id }));
  }
}
