import { pause } from '../../core/concurrency/cancel.ts';
import { type AgentsApi, AgentsApiError, type Work } from './agents-api.ts';

const beatMs = 30_000;
const defaultTtlMs = 90_000;

/**
 * `finished`: this worker ends it. `stopping`: the server wants the item back. `lost`: another worker may have the
 * item, so this one must do nothing more for it.
 */
export type LeaseEnd = 'finished' | 'stopping' | 'lost';

/** This worker's right to serve one item, kept by heartbeats. Dispose ends the heartbeats. */
export class Lease implements AsyncDisposable {
  readonly #ended = new AbortController();
  readonly #beating: Promise<void>;
  #end: LeaseEnd | undefined;

  constructor(api: AgentsApi, work: Work, now: () => number = Date.now) {
    this.#beating = this.#beat(api, work, now).catch(() => this.finish('lost'));
  }

  /** Fires when the lease ends. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }
  get isLost(): boolean {
    return this.#end === 'lost';
  }

  /** Only the first call has an effect. */
  finish(end: LeaseEnd): void {
    this.#end ??= end;
    this.#ended.abort();
  }

  async #beat(api: AgentsApi, work: Work, now: () => number): Promise<void> {
    let last: string | undefined;
    let ttlMs = defaultTtlMs;
    let keptAt = now();
    while (!this.signal.aborted) {
      const everyMs = Math.max(1_000, Math.min(ttlMs / 2, beatMs));
      try {
        const eitherSignal = AbortSignal.any([this.signal, AbortSignal.timeout(everyMs)]);
        const answer = await api.heartbeat(work, last, eitherSignal);
        last = answer.last_heartbeat;
        keptAt = now();
        if (answer.ttl_seconds > 0) ttlMs = answer.ttl_seconds * 1_000;
        if (!answer.lease_extended || ['stopping', 'stopped'].includes(answer.state)) return this.finish('stopping');
      } catch (error) {
        if (this.signal.aborted) return;
        const isRefused = error instanceof AgentsApiError && (error.status === 412 || !error.isTransient);
        if (isRefused || now() - keptAt > ttlMs) return this.finish('lost');
      }
      await pause(everyMs, this.signal).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.finish('finished');
    await this.#beating;
  }
}
