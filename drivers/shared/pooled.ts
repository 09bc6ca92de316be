import type { Driver, Poolable, SandboxInfo } from '../driver.ts';
import { Joined } from './joined.ts';
import { openWarmPool, type WarmPoolOptions } from './warm-pool.ts';

/** The same driver, whose new sandboxes come from a pool of started ones where there is one for them. */
export function pooled<Inner extends Driver & Poolable>(driver: Inner, options: WarmPoolOptions): Inner {
  const pool = openWarmPool(driver, options);
  const provisions = new Joined<SandboxInfo>();
  const destroys = new Joined<void>();
  return {
    ...driver,
    provision(spec, call, news) {
      const { id } = spec;
      return provisions.join(id, call, async (own) => {
        await Promise.all([destroys.settled(`${id} keep`), destroys.settled(`${id} remove`)]);
        const claimed = await pool.take(spec, own);
        if (claimed) {
          news?.({ phase: 'starting', detail: 'Taking one that stands ready' });
          return claimed;
        }
        using _cold = pool.cold();
        return await driver.provision(spec, own, news);
      });
    },
    async destroy(id, workspace, call) {
      provisions.cancel(id);
      await destroys.join(`${id} ${workspace}`, call, async (own) => {
        if (workspace === 'remove') await destroys.settled(`${id} keep`);
        await provisions.settled(id);
        await driver.destroy(id, workspace, own);
      });
    },
    async [Symbol.asyncDispose]() {
      await provisions[Symbol.asyncDispose]();
      await destroys[Symbol.asyncDispose]();
      await pool[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    },
  };
}
