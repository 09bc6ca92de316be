import type { Driver } from '../../../drivers/driver.ts';
import type { Model } from '../../agents/models/model.ts';
import { createTimeoutSignal, raceAbort, sleep } from '../../core/concurrency/cancel.ts';
import { type Clock, monotonicNow } from '../../core/contracts/clock.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { DesktopAvailability } from '../api/desktop.ts';
import type { HealthCheckResult, ServerHealth } from '../api/sessions.ts';
import type { SessionCounts } from '../engine/unfinished-sessions.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'store'> {
  readonly driver: Driver;
  readonly model: Pick<Model, 'name'>;
  /** Resolves with the model chosen on the web page, unless the settings name one. */
  readonly usualModel?: (() => Promise<string>) | undefined;
  readonly desktopFor: () => DesktopAvailability;
  sessions(): Promise<SessionCounts>;
}
const none: SessionCounts = { total: 0, running: 0, waiting: 0 };
const checkMs = 800; // the whole response must take less than a second

/** A component that does not respond in time is reported as unhealthy. */
export async function checkServerHealth(deps: Deps, signal: AbortSignal): Promise<ServerHealth> {
  const { store, driver, model, clock } = deps;
  using deadlined = createTimeoutSignal(checkMs, clock, signal);
  const until = deadlined.signal;
  const [storage, sandbox, sessions, name] = await Promise.all([
    verdict(until, () => store.check(until)),
    verdict(until, () => driver.check({ signal: until })),
    raceAbort(deps.sessions(), until).catch(() => none),
    raceAbort(deps.usualModel?.() ?? Promise.resolve(model.name), until).catch(() => model.name),
  ]);
  const { weaknesses = [], pause: keeps, engine, noServices, noVolumes, lacking = [] } = driver.capabilities;
  const desktop = deps.desktopFor();
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

/** Maximum time that a health response waits for current counts, in ms. */
const countMs = 100;

/** Immediately reflects sessions that this server creates or deletes. */
export class SessionCountCache {
  readonly #count: () => Promise<SessionCounts>;
  readonly #clock: Clock;
  #changes = 0;
  #newest: { readonly counts: SessionCounts; readonly changes: number } | undefined;

  constructor(count: () => Promise<SessionCounts>, clock: Clock) {
    this.#count = count;
    this.#clock = clock;
  }

  changed(): void {
    this.#changes++;
  }

  count = async (): Promise<SessionCounts> => {
    const changes = this.#changes;
    const counts = await this.#count();
    this.#newest = { counts, changes };
    return counts;
  };

  /** If the store is slow, the counts may lack recent changes. */
  async update(answer: ServerHealth): Promise<ServerHealth> {
    if (!this.#newest) return answer;
    if (this.#newest.changes === this.#changes) return { ...answer, sessions: this.#newest.counts };
    using until = createTimeoutSignal(countMs, this.#clock);
    return { ...answer, sessions: await raceAbort(this.count(), until.signal).catch(() => answer.sessions) };
  }
}

/** Milliseconds for which a successful response is reused. */
const servesFor = 200;
/** Maximum wait in ms, if there is a successful response younger than `outlivesMs`. */
const slowMs = 20;
const outlivesMs = 2_000;

/** Callers share checks, because unauthenticated requests must not slow down other work. */
export function createSharedHealthCheck(
  look: () => Promise<ServerHealth>,
  clock: Clock,
  now = monotonicNow,
): () => Promise<ServerHealth> {
  let open: Promise<ServerHealth> | undefined;
  let last: { readonly answer: ServerHealth; readonly at: number } | undefined;
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
    const inPlace = sleep(slowMs, late.signal, clock).then(() => good.answer);
    inPlace.catch(() => {});
    open.catch(() => {}); // a failure after this response is ignored, because the next call checks again
    return await Promise.race([open, inPlace]).finally(() => late.abort());
  };
}
const isGood = ({ storage, sandbox }: ServerHealth) => storage.status === 'healthy' && sandbox.status === 'healthy';

async function verdict(until: AbortSignal, check: () => Promise<void>): Promise<HealthCheckResult> {
  try {
    await raceAbort(check(), until);
    return { status: 'healthy' };
  } catch (thrown) {
    return { status: 'unhealthy', detail: toAppError(thrown).publicMessage };
  }
}
