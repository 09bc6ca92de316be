import { pause } from '../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';

const againMs = 1_000;

/** The sandboxes whose life or tokens programs manage, in memory, because they are looked at twice a second. */
export class ProgramSandboxes {
  readonly #byId = new Map<SessionId, SessionRecord>();

  all(): SessionRecord[] {
    return [...this.#byId.values()];
  }

  /** Keeps them up to date until the signal fires. */
  async follow(sessions: Pick<SessionService, 'watch'>, clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#byId.clear();
      try {
        for await (const { type, session } of sessions.watch(signal)) {
          if (type === 'changed' && isManaged(session)) this.#byId.set(session.id, session);
          else this.#byId.delete(session.id);
        }
      } catch {} // too much changed at once, or the store did not answer: begins again
      await pause(againMs, signal, clock).catch(() => {});
    }
  }
}

const isManaged = ({ life, tokenRounds }: SessionRecord) => life !== undefined || tokenRounds !== undefined;
