import type { Clock } from '../../core/contracts/clock.ts';
import type { ErrorCode } from '../../core/errors/errors.ts';
import type { FailedTurn, Model, TurnPart } from './model.ts';
import { computeRetryDelayMs } from './retry.ts';

/** The longest time that a run waits for one provider, in ms. */
const longestWaitMs = 60_000;
const maxFailures = 3;
const brokenRestMs = 10 * 60_000;

/** Failures that last until someone changes a setting. Another provider may work until then. */
const broken: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['model_unauthorized', 'model_unknown', 'model_quota']);

interface Health {
  failures: number;
  waitedMs: number;
  restsUntil: number;
}
interface Deps {
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * Uses the first model that works. A model is suspended after three retryable failures in a row, or after more than a minute of
 * waiting in total. A failure that lasts until a setting changes suspends it immediately, as does a required delay of more than a
 * minute. The next model then takes over, in the same turn if nothing was output yet. Sessions with the same models and keys
 * share the models' health. No single wait is longer than a minute.
 */
export function withFallbacks(models: readonly [Model, ...Model[]], { clock, random }: Deps): Model {
  const [first] = models;
  const health = new Map(models.map((model): [Model, Health] => [model, { failures: 0, waitedMs: 0, restsUntil: 0 }]));
  const healthOf = (model: Model) => health.get(model) as Health;

  function next(tried: ReadonlySet<Model>): Model | undefined {
    const left = models.filter((model) => !tried.has(model));
    const now = clock.now();
    const ready = left.find((model) => healthOf(model).restsUntil <= now);
    // If no model is ready, a turn that has not tried any model yet tries the one whose suspension ends first.
    if (ready || tried.size > 0) return ready;
    return left.toSorted((a, b) => healthOf(a).restsUntil - healthOf(b).restsUntil)[0];
  }

  /** Records a failure. True: the model is suspended now. */
  function rests(model: Model, failure: FailedTurn): boolean {
    const state = healthOf(model);
    state.failures++;
    state.waitedMs += failure.retryAfterMs ?? computeRetryDelayMs(failure, state.failures, random) ?? 0;
    const isBroken = broken.has(failure.code);
    const isTired = state.waitedMs > longestWaitMs || (failure.retryable && state.failures >= maxFailures);
    if (!isBroken && !isTired) return false;
    const restMs = isBroken ? brokenRestMs : Math.max(failure.retryAfterMs ?? 0, longestWaitMs);
    health.set(model, { failures: 0, waitedMs: 0, restsUntil: clock.now() + restMs });
    return true;
  }

  async function* turn(...[request, signal]: Parameters<Model['turn']>): AsyncGenerator<TurnPart> {
    const tried = new Set<Model>();
    const failures: FailedTurn[] = [];
    for (let model = next(tried); model; ) {
      tried.add(model);
      let hasSpoken = false;
      let end: Extract<TurnPart, { type: 'end' }> | undefined;
      for await (const part of model.turn(request, signal)) {
        if (part.type === 'end') end = part;
        else {
          hasSpoken ||= part.type !== 'left_out';
          yield part;
        }
      }
      const named = model === first ? {} : { model: model.name };
      if (end?.outcome.kind !== 'failed') {
        if (end?.outcome.kind === 'finished') health.set(model, { failures: 0, waitedMs: 0, restsUntil: 0 });
        if (end) yield { ...end, ...named };
        return;
      }
      failures.push(end.outcome);
      const other: Model | undefined = rests(model, end.outcome) && !hasSpoken ? next(tried) : undefined;
      if (other === undefined) return yield { type: 'end', outcome: bounded(summed(failures), random), ...named };
      model = other;
    }
  }

  return {
    name: first.name,
    get abilities() {
      return (next(new Set()) ?? first).abilities;
    },
    costOf: (usage) => (next(new Set()) ?? first).costOf?.(usage),
    turn,
  };
}

function summed(failures: readonly FailedTurn[]): FailedTurn {
  const last = failures.at(-1) as FailedTurn;
  const retryable = failures.some((failure) => failure.retryable);
  return { ...last, retryable, message: failures.map(({ message }) => message).join(' Then the fallback: ') };
}

/** Limits the provider's delay to a minute, with jitter so that sessions do not all retry at the same time. */
function bounded(failure: FailedTurn, random: () => number): FailedTurn {
  const { retryAfterMs } = failure;
  if (retryAfterMs === undefined) return failure;
  const jitterMs = 5_000;
  const capped = Math.min(retryAfterMs, longestWaitMs - jitterMs);
  return { ...failure, retryAfterMs: Math.round(capped + random() * Math.min(jitterMs, 500 + capped / 10)) };
}
