import type { Clock } from '../../core/clock.ts';
import { AppError, toAppError } from '../../core/errors.ts';
import { SessionId } from '../../core/ids.ts';
import { keyedQueue } from '../../core/keyed-queue.ts';
import type { SessionLife, SessionRecord } from '../../core/records.ts';
import type { Inside } from '../../session/api/inside.ts';
import type { Services } from '../../session/api/services.ts';
import { sampleOf } from './control/metrics.ts';

/** A sandbox that runs, as its requests use it. */
export interface Reached {
  /** Fires when the sandbox is paused or deleted by this server. */
  readonly cut: AbortSignal;
  readonly env: readonly string[];
  readonly isPrivate: boolean;
  readonly portHost: string | undefined;
  enter(signal: AbortSignal): Promise<Inside>;
}
interface Deps {
  readonly services: Pick<Services, 'sessions' | 'sandboxes' | 'inside'>;
  readonly clock: Clock;
  readonly warn: (err: unknown, message: string) => void;
}

/** The sandboxes behind the data plane. The tokens of a sandbox are its only credential there. */
export class Sandboxes {
  readonly #deps: Deps;
  readonly #cuts = new Map<string, AbortController>();
  readonly #inOrder = keyedQueue();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Undefined: it is gone or paused. `look` neither wakes it nor resumes it. */
  async reach(sid: string, how: 'look' | 'use'): Promise<Reached | undefined> {
    const { services, clock } = this.#deps;
    const { success, data: id } = SessionId.safeParse(sid);
    const record = success ? await services.sessions.get(id).catch(unlessGone) : undefined;
    if (!record || !id) return undefined;
    const { life } = record;
    if (life?.paused) {
      if (life.paused !== 'memory' || !life.resumes || how === 'look') return undefined;
      await this.wake(record, life.seconds);
    } else if (life?.endsAt && life.endsAt <= clock.now()) return undefined;
    else if (record.sandboxState === 'stopped' || (!life && record.sandboxState !== 'running')) return undefined;
    const cut = this.#cuts.get(sid) ?? new AbortController();
    this.#cuts.set(sid, cut);
    return {
      cut: cut.signal,
      env: variablesOf(record),
      isPrivate: life?.privatePorts ?? false,
      portHost: life?.portHost,
      enter: (signal) => services.inside.enter(id, signal),
    };
  }

  /** Ends every connection to the sandbox. */
  cut(sid: string): void {
    this.#cuts.get(sid)?.abort();
    this.#cuts.delete(sid);
  }

  /** Ends a pause. Concurrent calls end it once. */
  async wake(record: SessionRecord, seconds: number): Promise<boolean> {
    const { services, clock } = this.#deps;
    return await this.#inOrder(record.id, async () => {
      const { life } = await services.sessions.get(record.id);
      if (!life?.paused) return false;
      await services.sandboxes.start(record.id, AbortSignal.timeout(120_000));
      const change: SessionLife = { ...life, paused: null, endsAt: clock.now() + seconds * 1_000 };
      await services.sessions.update(record.id, { life: change });
      return true;
    });
  }

  /** Pauses it. Rejects: conflict (it is paused already), unsupported (processes cannot be frozen). */
  async pause(id: SessionId, keeps: 'memory' | 'files'): Promise<void> {
    const { services } = this.#deps;
    await this.#inOrder(id, async () => {
      const { life } = await services.sessions.get(id);
      if (!life) throw new AppError('unsupported', 'Only sandboxes that a program created can be paused.');
      if (life.paused) throw new AppError('conflict', `Sandbox ${id} is paused already.`);
      // The record comes first: from then on no request reaches the sandbox.
      await services.sessions.update(id, { life: { ...life, paused: keeps, endsAt: null } });
      this.cut(id);
      try {
        if (keeps === 'memory') await services.sandboxes.pause(id, AbortSignal.timeout(60_000));
        else await services.sandboxes.stop(id);
      } catch (thrown) {
        await services.sessions.update(id, { life });
        throw thrown;
      }
    });
  }

  /** Undefined: it does not run. */
  async sample(sid: string, signal: AbortSignal) {
    const { success, data: id } = SessionId.safeParse(sid);
    return success ? await sampleOf(id, this.#deps.services, signal) : undefined;
  }

  /** The ids of the sandboxes that run. */
  async live(): Promise<string[]> {
    const all = await this.#deps.services.sessions.list();
    return all.flatMap(({ id, life }) => (life && !life.paused ? [id] : []));
  }

  /** Deletes and pauses the sandboxes whose time is over. */
  async endDue(forget: (id: SessionId) => Promise<void>): Promise<void> {
    const now = this.#deps.clock.now();
    for (const { id, life } of await this.#deps.services.sessions.list()) {
      if (!life?.endsAt || life.endsAt > now) continue;
      const keeps = life.onEnd === 'pause' ? 'memory' : 'files';
      const ended = life.onEnd === 'delete' ? forget(id) : this.pause(id, keeps);
      await ended.catch((thrown: unknown) => this.#deps.warn(thrown, `sandbox ${id} could not be ended`));
    }
  }
}

export function variablesOf({ id, life }: Pick<SessionRecord, 'id' | 'life'>): string[] {
  const own = Object.entries(life?.env ?? {}).map(([name, value]) => `${name}=${value}`);
  return [...own, 'E2B_SANDBOX=true', `E2B_SANDBOX_ID=${id}`, `E2B_TEMPLATE_ID=${life?.kind ?? 'base'}`];
}

function unlessGone(thrown: unknown): undefined {
  if (toAppError(thrown).code !== 'session_not_found') throw thrown;
}
