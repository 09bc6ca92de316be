import type { Driver, Poolable } from '../../driver.ts';
import { LifecycleCoordinator } from '../lifecycle-calls.ts';
import { openWarmPool, type WarmPoolOptions } from './warm-pool.ts';

export function withLocalPool<Inner extends Driver & Poolable>(driver: Inner, options: WarmPoolOptions): Inner {
  const pool = openWarmPool(driver, options);
  const work = new LifecycleCoordinator((id, workspace, own) => driver.destroy(id, workspace, own));
  return {
    ...driver,
    provision(spec, call, news) {
      return work.start(spec.id, call, async (own) => {
        const claimed = await pool.take(spec, own);
        if (claimed) {
          news?.({ phase: 'starting', detail: 'Taking a ready sandbox from the pool' });
          return claimed;
        }
        using _cold = pool.cold();
        return await driver.provision(spec, own, news);
      });
    },
    destroy: (id, workspace, call) => work.end(id, workspace, call),
    async [Symbol.asyncDispose]() {
      await work[Symbol.asyncDispose]();
      await pool[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    },
  };
}
