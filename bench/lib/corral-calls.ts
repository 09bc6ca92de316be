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

export type Work = 'get' | 'get, sandbox' | 'get, history' | 'command';
interface Direct {
  readonly work: Work;
  readonly clients: number;
  readonly calls: number;
}
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

  const works: Record<Work, (client: number) => Promise<unknown>> = {
    get: () => sessions.get(id),
    'get, sandbox': async () => [await sessions.get(id), await sessions.sandbox(id)],
    'get, history': async () => [await sessions.get(id), await Array.fromAsync(sessions.history(id))],
    command: (client) => memberOf(client).runCommand(workspaceName, command),
  };
  const members = new Map<number, ReturnType<typeof core.workspaces.join>>();
  const memberOf = (client: number) => {
    const member = members.get(client) ?? core.workspaces.join(`direct-${client}`);
    members.set(client, member);
    return member;
  };
  const held = stack.move();
  return {
    methods: {
      listen: async (): Promise<Listening> => ({
        url: await app.listen({ host: '127.0.0.1', port: 0 }),
        session: id,
      }),
      /** How long each took, ms. */
      direct: async ({ work, clients, calls }: Direct) => {
        const samples: number[] = [];
        let left = calls;
        const client = async (n: number) => {
          while (left-- > 0) {
            const from = monotonicMs();
            await works[work](n);
            samples.push(monotonicMs() - from);
          }
        };
        await Promise.all(Array.from({ length: clients }, (_, n) => client(n)));
        return samples;
      },
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

export const workspaceName = 'bench';
export const command = 'true';
