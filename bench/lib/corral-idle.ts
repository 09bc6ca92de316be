import { setTimeout as pause } from 'node:timers/promises';
import type { SessionId } from '../../src/core/ids.ts';
import type { Program } from './child-process.ts';
import { openCorral } from './corral.ts';
import { type Footprint, footprint } from './memory.ts';
import { addSession } from './sessions.ts';

// Corral with many sessions that nobody uses. `hot`: each has its actor in memory, no sandbox. `passivated`: each had.

interface Argument {
  readonly dataDir: string;
  readonly state: 'hot' | 'passivated';
}
const atOnce = 50;

export async function open({ dataDir, state }: Argument): Promise<Program> {
  const corral = await openCorral({
    dataDir,
    store: 'normal',
    settings: { CORRAL_SESSION_PASSIVATE_SECONDS: state === 'hot' ? '86400' : '1' },
  });

  async function add(count: number): Promise<void> {
    const made: SessionId[] = [];
    for (let n = 0; n < count; n += atOnce) {
      const some = await Promise.all(Array.from({ length: Math.min(atOnce, count - n) }, () => addSession(corral)));
      await Promise.all(some.map((id) => corral.engine.reach(id)));
      made.push(...some);
    }
    while (state === 'passivated' && made.some((id) => corral.engine.live(id))) await pause(50);
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
