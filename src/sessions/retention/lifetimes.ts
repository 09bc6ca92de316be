import { runAtIntervals, runWorkLoop } from '../../core/concurrency/rounds.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionService } from '../api/sessions.ts';
import type { EngineLogger } from '../engine/logger.ts';

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly sessions: Pick<SessionService, 'watch' | 'get' | 'delete'>;
  readonly logger: Pick<EngineLogger, 'info' | 'warn'>;
}
const everyMs = 500;
const againMs = 1_000;

/** Can run in parallel on several servers that share a store. */
export class LifetimeEnforcer extends ServerComponent<Deps> {
  readonly #ends = new Map<SessionId, number>();

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.deps;
    void this.#follow(signal);
    await runAtIntervals(() => this.endDue(), { everyMs, clock }, signal);
  }

  async endDue(): Promise<void> {
    const now = this.deps.clock.now();
    for (const [id, endsAt] of this.#ends) if (endsAt <= now) await this.#end(id);
  }

  async #end(id: SessionId): Promise<void> {
    const { sessions, clock, logger } = this.deps;
    try {
      const { endsAt } = await sessions.get(id);
      if (endsAt == null || endsAt > clock.now()) return; // extended in the meantime
      await sessions.delete(id);
      this.#ends.delete(id);
      logger.info({ session: id }, 'session deleted: its lifetime has ended');
    } catch (thrown) {
      if (toAppError(thrown).code === 'session_not_found') this.#ends.delete(id);
      else logger.warn({ session: id, err: thrown }, 'an expired session could not be deleted');
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { sessions, clock } = this.deps;
    const round = async () => {
      this.#ends.clear();
      for await (const { type, session } of sessions.watch(signal)) {
        if (type === 'changed' && session.endsAt != null) this.#ends.set(session.id, session.endsAt);
        else this.#ends.delete(session.id);
      }
      return againMs;
    };
    // restarts the watch, which fails if this server falls too far behind
    await runWorkLoop(round, { clock, failedMs: againMs }, signal);
  }
}
