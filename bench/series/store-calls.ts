import { setTimeout as pause } from 'node:timers/promises';
import { mongoProxy } from '../../test/support/mongo-proxy.ts';
import { httpCalls, trpcData } from '../lib/http-calls.ts';
import { atMost, type Figures, type SeriesPlan } from '../lib/series.ts';
import { startServer } from '../lib/server.ts';
import { freshDatabase, missingMongo } from '../lib/shared-store.ts';

// The commands that one server sends to its MongoDB, counted by a proxy: each minute while nothing happens, and for a
// session, a run and an event. The sessions are in memory, with fake sandboxes.

const brief = 'Work\n```sh\necho done\n```';
const runs = 20;

export const storeCalls: SeriesPlan = {
  ...{ id: 'store-calls', title: 'Commands to MongoDB', along: 'sessions in memory' },
  points: (mode) => (mode === 'quick' ? [1, 20, 60] : [1, 50, 200]),
  missing: missingMongo,
  fitted: ['restPerMin'],
  rules: [
    atMost(
      'a session in memory that rests costs at most 1 command a minute',
      1,
      ({ fits }) => fits.restPerMin?.slope ?? Number.NaN,
    ),
    atMost('an event costs at most 3 commands, with all that its run needs', 3, ({ y }) =>
      Math.max(...(y.perEvent ?? [Number.NaN])),
    ),
  ],
  async open(mode) {
    await using stack = new AsyncDisposableStack();
    const database = stack.use(await freshDatabase());
    const proxy = stack.use(await mongoProxy(process.env.MONGODB_URL ?? ''));
    const server = stack.use(
      await startServer({
        ...{ CORRAL_DRIVER: 'memory', CORRAL_EGRESS_POLICY: 'none', LOG_LEVEL: 'error' },
        ...{ CORRAL_MAX_SESSIONS: '2000', CORRAL_MAX_SESSIONS_PER_OWNER: '0' },
        ...{ CORRAL_SESSION_PASSIVATE_SECONDS: '86400', MONGODB_URL: database.at(proxy.url) },
      }),
    );
    const calls = stack.use(httpCalls(server.url));
    const restMs = mode === 'quick' ? 30_000 : 60_000;
    const ids: string[] = [];
    const create = async () => trpcData<{ id: string }>((await calls.ask('/trpc/sessions.create', {})).text).id;
    const chat = async (id: string) => {
      let last = 0;
      const heard = (chunk: string) => {
        for (const [, seq] of chunk.matchAll(/^id: (\d+)$/gm)) last = Math.max(last, Number(seq));
      };
      // A store that answers too late cuts the stream, and the message is sent again: the count then includes both.
      const again = (thrown: Error) => {
        console.error(`bench: a run is repeated: ${thrown.message}`);
        return calls.stream(`/api/v1/sessions/${id}/chat`, { message: brief }, heard);
      };
      await calls.stream(`/api/v1/sessions/${id}/chat`, { message: brief }, heard).catch(again);
      return last;
    };

    /** The commands that the work causes, without those that come anyway; and the commands by name. */
    async function countOf(restPerMin: number, work: () => Promise<unknown>): Promise<number> {
      const [from, before] = [performance.now(), proxy.seen.length];
      await work();
      return proxy.seen.length - before - (restPerMin * (performance.now() - from)) / 60_000;
    }
    const held = stack.move();
    return {
      async at(sessions): Promise<Figures> {
        while (ids.length < sessions) {
          const id = await create();
          await chat(id); // after its first run the session has a sandbox and stays in memory
          ids.push(id);
        }
        await pause(2_000);
        const before = proxy.seen.length;
        await pause(restMs);
        const rest = proxy.seen.slice(before);
        const restPerMin = (rest.length * 60_000) / restMs;
        console.error(`bench: each minute at rest: ${byName(rest, restMs / 60_000)}`);
        const id = ids[0] as string;
        const firstSeq = await chat(id);
        let lastSeq = firstSeq;
        const forRuns = await countOf(restPerMin, async () => {
          for (let n = 0; n < runs; n++) lastSeq = await chat(id);
        });
        const from = proxy.seen.length;
        const passing: string[] = [];
        const forSessions = await countOf(restPerMin, async () => {
          for (let n = 0; n < runs; n++) {
            passing.push(await create());
            await calls.ask('/trpc/sessions.delete', { id: passing.at(-1) });
          }
        });
        console.error(`bench: for a session: ${byName(proxy.seen.slice(from), runs)}`);
        const perSession = forSessions / runs;
        return { restPerMin, perSession, perRun: forRuns / runs, perEvent: forRuns / (lastSeq - firstSeq) };
      },
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  },
};

function byName(seen: readonly string[], divisor: number): string {
  const counts = new Map<string, number>();
  for (const name of seen) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return sorted.map(([name, count]) => `${name} ${(count / divisor).toFixed(1)}`).join(', ');
}
