import { WorkLoop } from '../../../core/concurrency/rounds.ts';
import { ServerComponent, type ServerDependencies } from '../../../core/contracts/server-parts.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { DrainService, DrainState } from '../../api/services.ts';
import type { LiveSessions } from '../../engine/live-sessions.ts';
import type { Supervisor } from '../../engine/supervisor.ts';

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly liveSessions: Pick<LiveSessions, 'all'>;
  readonly supervisor: Pick<Supervisor, 'rest'>;
  readonly warn: (about: { readonly err: unknown }, text: string) => void;
}
const everyMs = 5_000;

/** Prepares maintenance: refuses new sessions and pauses or stops unused sandboxes. Running work continues. */
export class DrainController extends ServerComponent<Deps> implements DrainService {
  readonly #rounds = new WorkLoop({
    ...this.deps,
    round: async () => {
      const live = this.#since === undefined ? [] : this.deps.liveSessions.all();
      for (const { id } of live) this.deps.supervisor.rest(id);
      return everyMs;
    },
    restMs: { longest: everyMs, failed: everyMs },
    failure: 'unused sandboxes could not be paused',
  });
  #since: number | undefined;

  state(): DrainState {
    const working = this.deps.liveSessions.all().filter(({ writer }) => writer.record.openRuns.length > 0).length;
    return { draining: this.#since !== undefined, since: this.#since ?? null, working };
  }

  set(draining: boolean): DrainState {
    if (draining !== (this.#since !== undefined)) this.#since = draining ? this.deps.clock.now() : undefined;
    this.#rounds.wake();
    return this.state();
  }

  admit(): void {
    if (this.#since === undefined) return;
    const advice = 'Use another server, or try again after its maintenance (corral undrain ends it).';
    throw new AppError('draining', `This server is draining and takes no new sessions. ${advice}`);
  }

  run = (signal: AbortSignal): Promise<void> => this.#rounds.run(signal);
}
