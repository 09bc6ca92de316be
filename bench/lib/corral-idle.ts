import type { Program } from './child-process.ts';
import { openCorral } from './corral.ts';
import { type Footprint, footprint } from './memory.ts';
import { addSession } from './sessions.ts';

// Corral with many unused sessions, each in memory and without a sandbox.

const atOnce = 50;

export async function open({ dataDir }: { readonly dataDir: string }): Promise<Program> {
  const corral = await openCorral({ dataDir, store: 'normal' });
  async function add(count: number): Promise<void> {
    for (let n = 0; n < count; n += atOnce) {
      const some = await Promise.all(Array.from({ length: Math.min(atOnce, count - n) }, () => addSession(corral)));
      await Promise.all(some.map((id) => corral.engine.supervisor.reach(id)));
    }
  }
  return {
    methods: {
      async grow({ count, restMs }: { count: number; restMs: number }): Promise<Footprint> {
        await add(count);
        return await footprint(restMs);
      },
    },
    [Symbol.asyncDispose]: () => corral[Symbol.asyncDispose](),
  };
}
