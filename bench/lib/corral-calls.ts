import type { Program } from './child-process.ts';
import { openCorral } from './corral.ts';
import { monotonicMs } from './generator.ts';

// The whole core in this process, with every dialect on one port and sandboxes that are fakes; and the same work asked
// of its services directly. One session, which is in memory, as one in use is.

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
      /** How long it took, ms. */
      direct: async (work: Work) => {
        const from = monotonicMs();
        await works[work]();
        return monotonicMs() - from;
      },
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
