import type { Driver } from '../../../drivers/driver.ts';
import { deadline } from '../../core/cancel.ts';
import type { Clock } from '../../core/clock.ts';
import { toAppError } from '../../core/errors.ts';
import type { Store } from '../../core/ports.ts';
import type { Model } from '../../llm/model.ts';
import type { CheckResult, ServiceHealth } from '../api/sessions.ts';
import type { SessionCounts } from '../engine/unfinished-sessions.ts';

interface Deps {
  readonly store: Store;
  readonly driver: Driver;
  readonly model: Model;
  readonly clock: Clock;
  sessions(): Promise<SessionCounts>;
}
const none: SessionCounts = { total: 0, running: 0, waiting: 0 };
const checkMs = 800; // the whole answer must come within a second

/** Checks each part within 800 ms; a part that does not answer in time is unhealthy. */
export async function serviceHealth(deps: Deps, signal: AbortSignal): Promise<ServiceHealth> {
  const { store, driver, model, clock } = deps;
  using deadlined = deadline(checkMs, clock, signal);
  const until = deadlined.signal;
  const [storage, sandbox, sessions] = await Promise.all([
    verdict(until, () => store.check(until)),
    verdict(until, () => driver.check({ signal: until, deadlineAt: clock.now() + checkMs })),
    inTime(until, deps.sessions()).catch(() => none),
  ]);
  const { weaknesses = [] } = driver.capabilities;
  return {
    storage,
    sandbox: { ...sandbox, driver: driver.name, ...(weaknesses.length > 0 && { weaknesses }) },
    model: { status: 'healthy', name: model.name },
    sessions,
  };
}

/**
 * Concurrent callers share one check. Anyone can ask for the health without a credential, and each check uses the store's
 * threads and the driver, so frequent requests must not delay the work.
 */
export function sharedHealth(look: () => Promise<ServiceHealth>): () => Promise<ServiceHealth> {
  let open: Promise<ServiceHealth> | undefined;
  return () => {
    open ??= look().finally(() => {
      open = undefined;
    });
    return open;
  };
}

async function verdict(until: AbortSignal, check: () => Promise<void>): Promise<CheckResult> {
  try {
    await inTime(until, check());
    return { status: 'healthy' };
  } catch (thrown) {
    return { status: 'unhealthy', detail: toAppError(thrown).publicMessage };
  }
}

async function inTime<Value>(until: AbortSignal, answer: Promise<Value>): Promise<Value> {
  const tooLate = Promise.withResolvers<never>();
  const late = () => tooLate.reject(until.reason);
  until.addEventListener('abort', late, { once: true });
  try {
    return await Promise.race([answer, tooLate.promise]);
  } finally {
    until.removeEventListener('abort', late);
  }
}
