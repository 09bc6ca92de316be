import { createTRPCClient, httpLink } from '@trpc/client';
import { expect, type TestContext } from 'vitest';
import type { AppRouter } from '../../../src/client/index.ts';
import type { FactType, SessionEvent } from '../../../src/core/model/events.ts';
import { api, fence, storedEvents } from '../clients/api.ts';
import { problemsOf } from '../hostile/checker.ts';
import { failureTeller } from '../runner/on-failure.ts';
import type { World } from '../worlds.ts';
import { composedServer } from './composed.ts';
import { type ServerProcess, serverProcess } from './server-process.ts';

type Client = ReturnType<typeof api>;
export type EventOf<Type extends FactType> = Extract<SessionEvent, { type: Type }>;

/** A server that is a process of its own, or runs in this one. */
type RunningServer = Pick<ServerProcess, 'url' | 'data' | 'output'> & AsyncDisposable;
const quick = { CORRAL_RATE_LIMIT_PER_MINUTE: '0', CORRAL_EGRESS_POLICY: 'none' };

/** A server as a process, on real sandboxes, with a client and its log; disposing removes all its sessions. */
export async function realServer(
  context: TestContext,
  world: World,
  settings: Record<string, string> = {},
  under?: Parameters<typeof serverProcess>[1],
) {
  const own = await world.ready(context);
  const server = await serverProcess({ CORRAL_DRIVER: world.driver, ...own, ...quick, ...settings }, under);
  return seatAt(server, world, async () => {
    server.kill('SIGKILL');
    await server.restart();
  });
}

/** The same in this process, which starts sooner: for tests that do not kill the server. */
export async function worldServer(
  context: TestContext,
  world: World,
  settings: Record<string, string> = {},
): Promise<WorldServer> {
  const own = await world.ready(context);
  const server = await composedServer({ CORRAL_DRIVER: world.driver, ...own, ...settings });
  return seatAt<RunningServer>(server, world);
}

function seatAt<Server extends RunningServer>(server: Server, world: World, revive?: () => Promise<void>) {
  const teller = failureTeller(server);
  const client: Client = api(server.url);
  const log = (id: string) => storedEvents(server.data, id);
  const factsOf = <Type extends FactType>(id: string, type: Type) =>
    log(id).filter((event): event is EventOf<Type> => event.type === type);
  return {
    server,
    client,
    world,
    log,
    factsOf,
    /** Creates a session and waits until its sandbox is ready. */
    async ready(): Promise<string> {
      const id = await client.create();
      await reaches(() => factsOf(id, 'sandbox.phase').some(({ data }) => data.phase === 'ready'));
      return id;
    },
    /** Starts a command in the session and waits until it prints `begun`. */
    async working(id: string, command: string): Promise<void> {
      const before = factsOf(id, 'tool.output').length;
      await client.send(id, fence('sh', `echo begun\n${command}`));
      await reaches(() => factsOf(id, 'tool.output').length > before);
    },
    /** The output of a command that a new run of the session makes. */
    async says(id: string, command: string) {
      await client.chat(id, fence('sh', command));
      return factsOf(id, 'tool.called').at(-1)?.data.output;
    },
    rests: (id: string, status = 'completed') => expect.poll(() => client.status(id), { interval: 50 }).toBe(status),
    /** Fails if the log breaks a rule, or if anything of the session remains after its deletion. */
    async holds(id: string): Promise<void> {
      expect(problemsOf(log(id))).toEqual([]);
      expect(await client.remove(id)).toMatchObject({ status: 200 });
      await expect.poll(() => world.remains(id, server)).toEqual([]); // on a busy machine, DELETE answers before the end
    },
    async [Symbol.asyncDispose]() {
      try {
        teller.read();
        await removeAll(client, revive);
      } finally {
        await server[Symbol.asyncDispose]();
      }
    },
  };
}
export type RealServer = Awaited<ReturnType<typeof realServer>>;
export type WorldServer = ReturnType<typeof seatAt<RunningServer>>;

export const trpcOf = ({ server }: WorldServer) =>
  createTRPCClient<AppRouter>({ links: [httpLink({ url: `${server.url}/trpc` })] });

/**
 * Deletes all sessions. A server that stops leaves its sandboxes to the next server, and here no server follows. `revive`
 * starts a server again that does not answer.
 */
async function removeAll(client: Client, revive?: () => Promise<void>): Promise<void> {
  const list = () =>
    client.ask('GET', '').then(({ body }) => body.data as { sessions: { session_id: string }[] } | null);
  const found = await list().catch(async (error: unknown) => {
    if (!revive) throw error;
    await revive();
    return await list();
  });
  await Promise.all((found?.sessions ?? []).map(({ session_id }) => client.remove(session_id)));
}

/** Waits until the condition holds; the project's limit for polls ends the wait. */
export const reaches = (isSo: () => boolean | Promise<boolean>): Promise<void> =>
  expect.poll(isSo, { interval: 25 }).toBe(true);
