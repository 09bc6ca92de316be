import type { SandboxRecipe } from '../../../drivers/driver.ts';
import { createFixedPoolSizer } from '../../../drivers/shared/pool/pool-size.ts';
import type { WarmPoolOptions } from '../../../drivers/shared/pool/warm-pool.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';

/** The recipe of the sandboxes in the conformance suite. */
export const testRecipe = (image: string, over: Partial<SandboxRecipe> = {}): SandboxRecipe => ({
  template: 'base',
  image,
  limits: { memoryBytes: 512 * 2 ** 20, cpus: 1, pids: 256, diskBytes: 2 ** 30 },
  egress: { kind: 'none' },
  env: {},
  ...over,
});

export const poolOptions = (image: string, over: Partial<WarmPoolOptions> = {}): WarmPoolOptions => ({
  recipes: () => [testRecipe(image)],
  size: createFixedPoolSizer(2),
  epoch: 1,
  ids: createIdSource(),
  clock: systemClock,
  random: Math.random,
  maxAgeMs: 600_000,
  ttlMs: 300_000,
  startTimeoutMs: 60_000,
  concurrency: 2,
  shared: false,
  ...over,
});
