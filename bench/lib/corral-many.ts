import type { SessionId } from '../../src/core/ids.ts';
import type { Program } from './child-process.ts';
import { openCorral } from './corral.ts';
import { monotonicMs } from './generator.ts';
import { addSession } from './sessions.ts';

// The server with many stored sessions, of which a hundred are in memory and change in turn.

const inUse = 100;
const atOnce = 100;

export interface Many {
  readonly url: string;
  /** The id of a session that is only stored, not in memory. */
  readonly session: string;
}

export async function open({ dataDir, sessions }: { dataDir: string; sessions: number }): Promise<Program> {
  await using stack = new AsyncDisposableStack();
  const corral = stack.use(await openCorral({ dataDir, store: 'full' }));
  const ids: SessionId[] = [];
  for (let n = 0; n < sessions; n += atOnce) {
    ids.push(...(await Promise.all(Array.from({ length: atOnce }, () => addSession(corral)))));
  }
  const used = ids.slice(0, inUse);
  for (const id of used) await corral.engine.supervisor.reach(id);
  let [changes, stop] = [0, () => {}];
  const held = stack.move();
  return {
    methods: {
      listen: async (): Promise<Many> => ({ url: await corral.listen(), session: ids.at(-1) as string }),
      /** Changes sessions at a fixed pace until `rest`; a pace of 0 changes none. */
      async change(perSecond: number) {
        const began = monotonicMs();
        let told = 0;
        const timer = setInterval(() => {
          const due = ((monotonicMs() - began) / 1_000) * perSecond;
          for (; told < due; told++) {
            const id = used[told % inUse] as SessionId;
            void corral.service.rename(id, `changed ${told}`).then(() => changes++);
          }
        }, 10);
        stop = () => clearInterval(timer);
      },
      /** The number of changes. */
      rest: async () => {
        stop();
        return changes;
      },
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
