import { combineSignals, sleep } from '../../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { type AppError, toAppError } from '../../../src/core/errors/errors.ts';
import type { Driver, PoolHost, SandboxRecipe } from '../../driver.ts';
import type { PoolSizer } from './pool-size.ts';

export interface HostedPoolOptions {
  readonly recipe: () => SandboxRecipe;
  readonly size: PoolSizer;
  readonly epoch: number;
  readonly clock: Clock;
  /** If true, the pool's sandboxes are kept when this server closes. */
  readonly shared: boolean;
  readonly onClaim?: (outcome: 'hit' | 'miss') => void;
  readonly onTrouble?: (error: AppError) => void;
  readonly onNone?: () => void;
}

const roundEveryMs = 10_000;
const callMs = 20_000;
const closeMs = 4_000;

export function withHostedPool<Inner extends Driver & PoolHost>(driver: Inner, options: HostedPoolOptions): Inner {
  const { size, epoch, clock } = options;
  const stop = new AbortController();
  let sentText = '';
  let failures = 0;

  async function tell(): Promise<void> {
    const recipe = options.recipe();
    const want = { count: size.most === 0 ? 0 : size.now(recipe.limits.memoryBytes), epoch };
    const text = JSON.stringify([recipe, want]);
    if (text === sentText) return;
    await driver.keepReady(recipe, want, { signal: combineSignals([stop.signal, AbortSignal.timeout(callMs)]) });
    sentText = text;
    failures = 0;
  }
  async function run(): Promise<void> {
    await sleep(1, stop.signal, clock).catch(() => {}); // the recipe depends on parts that start after the driver
    while (!stop.signal.aborted) {
      try {
        await tell();
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.code === 'unsupported') return options.onNone?.();
        failures += 1;
        if (!stop.signal.aborted && (failures === 1 || failures % 10 === 0)) options.onTrouble?.(error);
      }
      await sleep(roundEveryMs, stop.signal, clock).catch(() => {});
    }
  }
  const running = run();

  return {
    ...driver,
    async provision(spec, call, news) {
      size.recordRequest();
      return await driver.provision(spec, call, ({ fromPool, ...progress }) => {
        if (fromPool !== undefined && size.most > 0) options.onClaim?.(fromPool ? 'hit' : 'miss');
        news?.(progress);
      });
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      if (sentText !== '' && !options.shared) {
        const call = { signal: AbortSignal.timeout(closeMs) };
        // If this fails, the pool keeps its sandboxes until the next server sets its size.
        await driver.keepReady(options.recipe(), { count: 0, epoch }, call).catch(() => {});
      }
      await driver[Symbol.asyncDispose]();
    },
  };
}
