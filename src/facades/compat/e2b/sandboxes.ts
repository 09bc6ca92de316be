import { neverAbortingSignal } from '../../../core/concurrency/cancel.ts';
import { createKeyedQueue } from '../../../core/concurrency/keyed-queue.ts';
import { Semaphore } from '../../../core/concurrency/semaphore.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import { ServerComponent } from '../../../core/contracts/server-parts.ts';
import { AppError, ignoreSessionNotFound } from '../../../core/errors/errors.ts';
import { SessionId } from '../../../core/model/ids.ts';
import type { Principal } from '../../../core/model/principal.ts';
import type { SessionLifetime, SessionRecord } from '../../../core/model/records.ts';
import type { SandboxHandle } from '../../../sessions/api/sandbox-interior.ts';
import type { Services } from '../../../sessions/api/services.ts';
import { readMetricsSample } from './control/metrics.ts';

export interface RunningSandbox {
  readonly record: SessionRecord;
  /** Fires when this server pauses or deletes the sandbox, or its tokens are replaced. */
  readonly cut: AbortSignal;
  readonly env: readonly string[];
  readonly isPrivate: boolean;
  readonly portHost: string | undefined;
  wake(principal: Principal): Promise<unknown>;
  enter(principal: Principal, signal: AbortSignal): Promise<SandboxHandle>;
}
type PowerServices = Pick<Services, 'sessions' | 'sandboxes' | 'inside'>;
interface Deps {
  /** Services that act with the server's own permissions. */
  readonly services: PowerServices;
  readonly servicesOf: (principal: Principal) => PowerServices;
  readonly managed: () => readonly SessionRecord[];
  readonly clock: Clock;
  readonly warn: (err: unknown, message: string) => void;
}

/** On the data plane, only a sandbox's own tokens grant access to it. */
export class DataPlaneSandboxes extends ServerComponent<Deps> {
  readonly #cuts = new Map<string, SandboxConnections>();
  readonly #inOrder = createKeyedQueue();

  /** Undefined if the sandbox is gone, stopped, expired or still paused. `look` never resumes it. */
  async reach(sid: string, how: 'look' | 'use'): Promise<RunningSandbox | undefined> {
    const { services, servicesOf, clock } = this.deps;
    const { success, data: id } = SessionId.safeParse(sid);
    const record = success ? await services.sessions.get(id).catch(ignoreSessionNotFound) : undefined;
    if (!record || !id) return undefined;
    const { life } = record;
    if (life?.paused) {
      if (!isResumedByRequest(life) || how === 'look') return undefined;
    } else if (life?.endsAt && life.endsAt <= clock.now()) return undefined;
    else if (record.sandboxState === 'stopped' || (!life && record.sandboxState !== 'running')) return undefined;
    this.#cutEarlierTokens(record);
    const cut = this.#cuts.get(sid) ?? { streams: new AbortController(), tokenRounds: record.tokenRounds ?? 0 };
    this.#cuts.set(sid, cut);
    return {
      record,
      cut: cut.streams.signal,
      env: listSandboxVariables(record),
      isPrivate: life?.privatePorts ?? true, // only a client of this facade can make the ports public
      portHost: life?.portHost,
      wake: async (principal) => life?.paused && (await this.wake(record, life.seconds, principal)),
      enter: (principal, signal) => servicesOf(principal).inside.enter(id, signal),
    };
  }

  cut(sid: string): void {
    this.#cuts.get(sid)?.streams.abort();
    this.#cuts.delete(sid);
  }

  #cutEarlierTokens({ id, tokenRounds = 0 }: SessionRecord): void {
    const cut = this.#cuts.get(id);
    if (cut && cut.tokenRounds < tokenRounds) this.cut(id);
  }

  async wake(record: SessionRecord, seconds: number, principal: Principal): Promise<boolean> {
    const { services, servicesOf, clock } = this.deps;
    return await this.#inOrder(record.id, async () => {
      const { life } = await services.sessions.get(record.id);
      if (!life?.paused) return false;
      await servicesOf(principal).sandboxes.start(record.id, AbortSignal.timeout(120_000));
      const change: SessionLifetime = { ...life, paused: null, endsAt: clock.now() + seconds * 1_000 };
      await services.sessions.update(record.id, { life: change });
      return true;
    });
  }

  /**
   * Rejects: conflict (already paused), unsupported (not created by a program, or its processes cannot be frozen), and
   * errors from the sandbox service.
   */
  async pause(id: SessionId, keeps: 'memory' | 'files', principal: Principal): Promise<void> {
    await this.#pause(id, keeps, { isDue: () => true, power: this.deps.servicesOf(principal) });
  }

  async #pause(id: SessionId, keeps: 'memory' | 'files', { isDue: isWanted, power }: EndRule): Promise<void> {
    const { services } = this.deps;
    await this.#inOrder(id, async () => {
      const { life } = await services.sessions.get(id);
      if (life && !isWanted(life)) return;
      if (!life) throw new AppError('unsupported', 'Only sandboxes that a program created can be paused.');
      if (life.paused) throw new AppError('conflict', `Sandbox ${id} is paused already.`);
      // Write the record first, so that no further request reaches the sandbox.
      await services.sessions.update(id, { life: { ...life, paused: keeps, endsAt: null } });
      this.cut(id);
      try {
        if (keeps === 'memory')
          await power.sandboxes.pause(id, { keeps: 'memory', signal: AbortSignal.timeout(60_000) });
        else await power.sandboxes.stop(id);
      } catch (thrown) {
        await services.sessions.update(id, { life });
        throw thrown;
      }
    });
  }

  async sample(sid: string, signal: AbortSignal) {
    const { success, data: id } = SessionId.safeParse(sid);
    return success ? await readMetricsSample(id, this.deps.services, signal) : undefined;
  }

  live(): SessionRecord[] {
    return this.deps.managed().filter(({ life }) => life && (!life.paused || isResumedByRequest(life)));
  }

  async endDue(forget: (id: SessionId) => Promise<void>): Promise<void> {
    const { services, managed, clock, warn } = this.deps;
    // Checked again before each pause, because a lifetime can be extended while earlier sandboxes end.
    const isDue = ({ endsAt }: SessionLifetime) => endsAt !== null && endsAt <= clock.now();
    const ending = new Semaphore(maxConcurrent);
    const end = async ({ id, life }: SessionRecord) => {
      using _slot = await ending.acquire(neverAbortingSignal);
      if (life?.onEnd === 'delete')
        await forget(id); // not checked again: programs cannot extend an expired sandbox
      else await this.#pause(id, life?.onEnd === 'pause' ? 'memory' : 'files', { isDue, power: services });
    };
    const all = managed();
    for (const record of all) this.#cutEarlierTokens(record); // another server may have replaced the tokens
    const due = all.filter(({ life }) => life && isDue(life));
    const ended = due.map((one) => end(one).catch((thrown) => warn(thrown, `sandbox ${one.id} could not be ended`)));
    await Promise.all(ended);
  }
}
interface SandboxConnections {
  readonly streams: AbortController;
  readonly tokenRounds: number;
}
interface EndRule {
  readonly isDue: (life: SessionLifetime) => boolean;
  /** Has the caller's permissions, or the server's if the sandbox's lifetime has expired. */
  readonly power: PowerServices;
}
const maxConcurrent = 8;

const isResumedByRequest = ({ paused, resumes }: SessionLifetime) => paused === 'memory' && resumes;

export function listSandboxVariables({ id, life }: Pick<SessionRecord, 'id' | 'life'>): string[] {
  const own = Object.entries(life?.env ?? {}).map(([name, value]) => `${name}=${value}`);
  return [...own, 'E2B_SANDBOX=true', `E2B_SANDBOX_ID=${id}`, `E2B_TEMPLATE_ID=${life?.kind ?? 'base'}`];
}
