import type { Driver } from '../../../drivers/driver.ts';
import type { Model } from '../../agents/models/model.ts';
import { deadlineSignal, pause, raceAbort } from '../../core/concurrency/cancel.ts';
import { type Clock, monotonicNow } from '../../core/contracts/clock.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { DesktopOffer } from '../api/desktop.ts';
import type { CheckResult, ServiceHealth } from '../api/sessions.ts';
import type { SessionCounts } from '../engine/unfinished-sessions.ts';

interface Deps {
  readonly store: Store;
  readonly driver: Driver;
  readonly model: Pick<Model, 'name'>;
  /** The model that people chose instead of that of the settings. */
  readonly usualModel?: (() => Promise<string>) | undefined;
  readonly clock: Clock;
  /** Absent: sandboxes have no desktop. */
  readonly desktopFor?: () => DesktopOffer;
  sessions(): Promise<SessionCounts>;
}
const none: SessionCounts = { total: 0, running: 0, waiting: 0 };
const checkMs = 800; // the whole answer must come within a second

/** Checks each part within 800 ms; a part that does not answer in time is unhealthy. */
export async function serviceHealth(deps: Deps, signal: AbortSignal): Promise<ServiceHealth> {
  const { store, driver, model, clock } = deps;
  using deadlined = deadlineSignal(checkMs, clock, signal);
  const until = deadlined.signal;
  const [storage, sandbox, sessions, name] = await Promise.all([
    verdict(until, () => store.check(until)),
    verdict(until, () => driver.check({ signal: until })),
    raceAbort(deps.sessions(), until).catch(() => none),
    raceAbort(deps.usualModel?.() ?? Promise.resolve(model.name), until).catch(() => model.name),
  ]);
  const { weaknesses = [], pause: keeps, engine, noServices, noVolumes, lacking = [] } = driver.capabilities;
  const desktop = deps.desktopFor?.() ?? { state: 'none' };
  return {
    storage,
    sandbox: {
      ...sandbox,
      driver: driver.name,
      pause: keeps,
      ...(engine !== undefined && { engine }),
      ...(noServices !== undefined && { noServices }),
      ...(noVolumes !== undefined && { noVolumes }),
      ...(lacking.length > 0 && { lacking }),
      ...(weaknesses.length > 0 && { weaknesses }),
      ...(desktop.state !== 'none' && { desktop }),
    },
    model: { status: 'healthy', name },
    sessions,
  };
}

/** In ms. A health answer does not wait longer for the newest counts. */
const countMs = 100;

/** The counts of sessions in a shared health answer, which must not lag behind a creation or deletion of this server. */
export class SessionTally {
  readonly #count: () => Promise<SessionCounts>;
  readonly #clock: Clock;
  #changes = 0;
  #newest: { readonly counts: SessionCounts; readonly changes: number } | undefined;

  constructor(count: () => Promise<SessionCounts>, clock: Clock) {
    this.#count = count;
    this.#clock = clock;
  }

  /** Call it when a session was made or deleted. */
  changed(): void {
    this.#changes++;
  }

  count = async (): Promise<SessionCounts> => {
    const changes = this.#changes;
    const counts = await this.#count();
    this.#newest = { counts, changes };
    return counts;
  };

  /** The answer with counts that know of every change before the call, as far as the store is quick. */
  async update(answer: ServiceHealth): Promise<ServiceHealth> {
    if (!this.#newest) return answer;
    if (this.#newest.changes === this.#changes) return { ...answer, sessions: this.#newest.counts };
    using until = deadlineSignal(countMs, this.#clock);
    return { ...answer, sessions: await raceAbort(this.count(), until.signal).catch(() => answer.sessions) };
  }
}

/** In ms. */
const servesFor = 200;
/** In ms. A look that takes longer delays nobody while the last answer is good and younger than `outlivesMs`. */
const slowMs = 20;
const outlivesMs = 2_000;

/**
 * Concurrent callers share one check, and a good answer serves for 200 ms. Anyone can ask for the health without a
 * credential, and each check uses the store's threads and the driver, so frequent requests must not delay the work. An
 * engine that starts many sandboxes answers late; a good answer then serves for two seconds while the next check runs.
 */
export function sharedHealth(
  look: () => Promise<ServiceHealth>,
  clock: Clock,
  now = monotonicNow,
): () => Promise<ServiceHealth> {
  let open: Promise<ServiceHealth> | undefined;
  let last: { readonly answer: ServiceHealth; readonly at: number } | undefined;
  const looked = async () => {
    const at = now();
    try {
      const answer = await look();
      last = isGood(answer) ? { answer, at } : undefined;
      return answer;
    } catch (thrown) {
      last = undefined;
      throw thrown;
    }
  };
  return async () => {
    const good = last;
    if (good && now() - good.at < servesFor) return good.answer;
    open ??= looked().finally(() => {
      open = undefined;
    });
    if (!good || now() - good.at >= outlivesMs) return await open;
    const late = new AbortController();
    const inPlace = pause(slowMs, late.signal, clock).then(() => good.answer);
    inPlace.catch(() => {});
    open.catch(() => {}); // the next caller gets the failure
    return await Promise.race([open, inPlace]).finally(() => late.abort());
  };
}
const isGood = ({ storage, sandbox }: ServiceHealth) => storage.status === 'healthy' && sandbox.status === 'healthy';

async function verdict(until: AbortSignal, check: () => Promise<void>): Promise<CheckResult> {
  try {
    await raceAbort(check(), until);
    return { status: 'healthy' };
  } catch (thrown) {
    return { status: 'unhealthy', detail: toAppError(thrown).publicMessage };
  }
}
