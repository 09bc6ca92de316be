import type { Program } from './child-process.ts';
import { openCorral } from './corral.ts';
import { monotonicMs } from './generator.ts';

// The whole core in this process, with every dialect on one port and fake sandboxes. The same work is also asked of its
// services directly. The one session is in memory, like any session in use.

export type Work = 'get' | 'get, sandbox' | 'get, history' | 'nothing';
export interface Listening {
  readonly url: string;
  readonly session: string;
}

export async function open({ dataDir }: { dataDir: string }): Promise<Program> {
  await using stack = new AsyncDisposableStack();
  const corral = stack.use(await openCorral({ dataDir, store: 'full' }));
  const { service: sessions } = corral;
  const { id } = await sessions.create({ origin: 'trpc', title: 'A session that is read' });

  const works: Record<Work, () => Promise<unknown>> = {
    get: () => sessions.get(id),
    'get, sandbox': async () => [await sessions.get(id), await sessions.sandbox(id)],
    'get, history': async () => [await sessions.get(id), await Array.fromAsync(sessions.history(id))],
    nothing: async () => {},
  };
  const held = stack.move();
  return {
    methods: {
      listen: async (): Promise<Listening> => ({ url: await corral.listen(), session: id }),
      /** Does the work directly; returns how long it took, in ms. */
      direct: async (work: Work) => {
        const from = monotonicMs();
        await works[work]();
        return monotonicMs() - from;
      },
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
