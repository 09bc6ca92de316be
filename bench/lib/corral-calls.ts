import { loadConfig } from '../../src/config/config.ts';
import { systemClock } from '../../src/core/clock.ts';
import { randomIds } from '../../src/core/ids.ts';
import { httpServer } from '../../src/facades/http-server.ts';
import { compose } from '../../src/main/compose.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createScrubber } from '../../src/observability/scrub.ts';
import type { Program } from './child-process.ts';
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
  const env = {
    ...{ CORRAL_DATA_DIR: dataDir, CORRAL_DRIVER: 'memory', CORRAL_EGRESS_POLICY: 'none' },
    ...{ CORRAL_RATE_LIMIT_PER_MINUTE: '0', CORRAL_SESSION_PASSIVATE_SECONDS: '86400' },
  };
  const config = loadConfig(env, '');
  const logger = createLogger({ level: 'error', scrubber: createScrubber([]) });
  const closing = new AbortController();
  const rest = { config, logger, clock: systemClock, closing: closing.signal };
  const core = stack.use(await compose({ ...rest, ids: randomIds(), say: () => {} }));
  const { sessions } = core.services;
  const app = httpServer({ ...core, ...rest, version: 'bench', sessions, inbox: core.store.inbox });
  stack.defer(async () => {
    closing.abort();
    app.server.closeAllConnections();
    await app.close();
  });
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
      listen: async (): Promise<Listening> => ({
        url: await app.listen({ host: '127.0.0.1', port: 0 }),
        session: id,
      }),
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
