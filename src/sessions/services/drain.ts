import { pause } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { LiveSessions } from '../engine/live-sessions.ts';
import type { Supervisor } from '../engine/supervisor.ts';

export interface DrainState {
  readonly draining: boolean;
  /** Epoch ms; null: it does not drain. */
  readonly since: number | null;
  /** Sessions of this server at work. */
  readonly working: number;
}
interface Deps {
  readonly liveSessions: Pick<LiveSessions, 'all'>;
  readonly supervisor: Pick<Supervisor, 'rest'>;
  readonly clock: Clock;
}

const everyMs = 5_000;

/**
 * Empties this server before maintenance: it creates no sessions, and each sandbox is paused, or stopped with its files,
 * as soon as nothing uses it. Work that has begun continues.
 */
export class Drain {
  readonly #deps: Deps;
  #since: number | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  state(): DrainState {
    const working = this.#deps.liveSessions.all().filter(({ writer }) => writer.record.openRuns.length > 0).length;
    return { draining: this.#since !== undefined, since: this.#since ?? null, working };
  }

  set(draining: boolean): DrainState {
    if (draining !== (this.#since !== undefined)) {
      this.#since = draining ? this.#deps.clock.now() : undefined;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
    return this.state();
  }

  /** Rejects: draining. */
  admit(): void {
    if (this.#since === undefined) return;
    const advice = 'Use another server, or try again after its maintenance (corral undrain ends it).';
    throw new AppError('draining', `This server is draining and takes no new sessions. ${advice}`);
  }

  /** Rests unused sandboxes while the server drains. Ends when the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { liveSessions, supervisor, clock } = this.#deps;
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      if (this.#since !== undefined) for (const { id } of liveSessions.all()) supervisor.rest(id);
      const turn = new AbortController();
      const either = AbortSignal.any([signal, turn.signal]);
      await Promise.race([changed, pause(everyMs, either, clock).catch(() => {})]).finally(() => turn.abort());
    }
  }
}
