import { type Driver, hostsPool, isPoolable, type SandboxRecipe } from '../../../drivers/driver.ts';
import { withHostedPool } from '../../../drivers/shared/pool/hosted-pool.ts';
import { createAutomaticPoolSizer, createFixedPoolSizer } from '../../../drivers/shared/pool/pool-size.ts';
import { withLocalPool } from '../../../drivers/shared/pool/with-pool.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { AppError } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import type { Config } from '../settings/config.ts';

export interface WarmPoolParts {
  readonly recipe: () => SandboxRecipe;
  readonly epoch: number;
  readonly clock: Clock;
  readonly onClaim: (outcome: 'hit' | 'miss') => void;
  readonly onTrouble: (error: AppError) => void;
}
interface Options {
  readonly config: Config;
  readonly replica?: string | undefined;
  readonly ids: IdSource;
  readonly say: (text: string) => void;
  readonly pool: WarmPoolParts;
}
const hourMs = 3_600_000;

/** Needed even if the pool's size is 0, to delete the ready sandboxes of an earlier server. */
export function withWarmPool(driver: Driver, { config, replica, ids, say, pool }: Options): Driver {
  const { warmPool, ttlSeconds, startTimeoutSeconds, maxStarting } = config.sandbox;
  const { recipe, ...parts } = pool;
  const sizeFor = (freeMemory: () => number | undefined) =>
    warmPool === 'auto' ? createAutomaticPoolSizer({ clock: pool.clock, freeMemory }) : createFixedPoolSizer(warmPool);
  const onNone = () => {
    if (warmPool !== 0)
      say(`CORRAL_SANDBOX_WARM_POOL has no effect with the driver ${driver.name} here: its sandboxes start on demand.`);
  };
  if (hostsPool(driver)) {
    const size = sizeFor(() => undefined); // only the driver knows the free memory of its nodes
    return withHostedPool(driver, { ...pool, size, shared: replica !== undefined, onNone });
  }
  if (!isPoolable(driver)) {
    onNone();
    return driver;
  }
  const ttlMs = ttlSeconds * 1_000;
  return withLocalPool(driver, {
    ...parts,
    ids,
    recipes: () => [recipe()],
    size: sizeFor(driver.freeMemory),
    random: Math.random,
    ttlMs,
    maxAgeMs: Math.min(ttlMs, hourMs),
    startTimeoutMs: startTimeoutSeconds * 1_000,
    concurrency: Math.min(maxStarting, 2),
    shared: replica !== undefined,
  });
}
