// @module-tag nightly
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Outputs } from '../../../src/client/types.ts';
import { askAny, countingReceiver, killer } from '../../support/automations/killed-servers.ts';
import { signed } from '../../support/forges/deliveries.ts';
import { serverPair } from '../../support/stores/chaos-replicas.ts';
import { mongoUrl, skipMongo } from '../../support/stores/mongo.ts';

// Two servers on one MongoDB, of which one after the other is killed. Every start happens once, and none is lost.

type Start = Outputs['automations']['start'];
const base = '/api/v1/automations';
const minutes = Number(process.env.SCHEDULE_MINUTES ?? 10);
const settings = {
  CORRAL_DRIVER: 'memory',
  CORRAL_REPLICAS_LEASE_SECONDS: '5', // else most of the time between two kills is a wait for the leases of the dead server
  CORRAL_MAX_SESSIONS: '5000',
  CORRAL_MAX_SESSIONS_PER_OWNER: '0',
  CORRAL_MAX_STARTING_PER_OWNER: '0',
  CORRAL_WEBHOOKS_ALLOW_RANGES: '127.0.0.0/8',
};
const json = (value: unknown) => ({ body: JSON.stringify(value) });

async function twoServers() {
  await using stack = new AsyncDisposableStack();
  const pair = stack.use(await serverPair(mongoUrl ?? 'mongodb://127.0.0.1:27017/', settings));
  const receiver = stack.use(await countingReceiver());
  const ask = (method: string, path: string, sent?: Parameters<typeof askAny>[3]) =>
    askAny(pair.servers, method, path, sent);
  await ask(
    'POST',
    '/api/v1/webhooks',
    json({ name: 'count', url: receiver.url, events: ['run.ended', 'run.failed'] }),
  );
  const held = stack.move();
  return {
    pair,
    receiver,
    ask,
    startsOf: async (id: string): Promise<readonly Start[]> => await ask('GET', `${base}/${id}/starts?limit=200`),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
type Servers = Awaited<ReturnType<typeof twoServers>>;

/** The number of starts in each state. */
const tally = (starts: readonly Start[]) =>
  Object.fromEntries([...Map.groupBy(starts, ({ state }) => state)].map(([state, all]) => [state, all.length]));

/** Each session has one message and one end of a run. */
async function expectOneRun({ pair }: Servers, sessions: readonly string[]): Promise<void> {
  for (const id of sessions) {
    const events = await pair.events(id);
    const times = (wanted: string) => events.filter(({ type }) => type === wanted).length;
    expect([times('message.user'), times('run.end')], id).toEqual([1, 1]);
  }
}

/** Each start has a session of its own, there are no others, and the end of each run was told under one id. */
async function expectOnce({ receiver, ask }: Servers, starts: readonly Start[], deleted: ReadonlySet<string>) {
  const sessions = new Set(starts.flatMap(({ sessionId }) => sessionId ?? []));
  expect(sessions.size).toBe(starts.length);
  const listed: { readonly session_id: string }[] = (await ask('GET', '/api/v1/sessions')).data.sessions;
  expect(new Set(listed.map(({ session_id: id }) => id))).toEqual(sessions.difference(deleted));
  const told = () => new Set([...receiver.times.values()].map(({ sessionId }) => sessionId)).size;
  await expect.poll(told).toBe(sessions.size);
  expect(receiver.times.size).toBe(sessions.size); // a message that came twice had the same id
}

test.skipIf(skipMongo)(
  'a delivery that reaches two servers makes one session, while one server after the other is killed',
  async () => {
    await using it = await twoServers();
    const { pair, ask, startsOf } = it;
    const hook = { source: 'json' };
    const spec = { message: 'Say hi', whileRunning: 'queue', maxRunning: 20, hook };
    const made: { id: string; hook: { path: string } }[] = [];
    for (let n = 0; n < 4; n++) made.push(await ask('POST', base, json({ name: `One ${n}`, ...spec })));
    const secrets = await Promise.all(made.map(({ id }) => ask('POST', `${base}/${id}/secret`)));
    const rounds = 3;
    {
      await using kills = killer(pair.servers, 3_000);
      for (let round = 0; round < rounds; round++) {
        await Promise.all(
          made.flatMap(({ hook: { path } }, n) => {
            const body = JSON.stringify({ round });
            const options = { secret: secrets[n].secret, now: Date.now(), id: `msg_${round}` };
            const { headers } = signed('json', { headers: {}, body: Buffer.from(body) }, options);
            const sent = { body, headers: headers as Record<string, string> };
            // both servers get it, as from a forge that tries again
            return pair.servers.map((server) => askAny([server], 'POST', path, sent));
          }),
        );
        await sleep(2_000); // so that kills fall before, during and after the steps of a start
      }
      await expect.poll(kills.kills).toBeGreaterThanOrEqual(3);
    }
    const all = async () => (await Promise.all(made.map(({ id }) => startsOf(id)))).flat();
    const over = { ended: made.length * rounds };
    await expect.poll(async () => tally(await all()), { interval: 500 }).toEqual(over);
    const starts = await all();
    await expectOneRun(
      it,
      starts.flatMap(({ sessionId }) => sessionId ?? []),
    );
    await expectOnce(it, starts, new Set());
  },
);

test.skipIf(skipMongo)(
  'a hundred schedules start every minute for ten minutes, once each and none lost, with a kill every ten seconds',
  { tags: ['nightly'] },
  async () => {
    await using it = await twoServers();
    const { pair, ask, startsOf } = it;
    const schedule = { cron: '* * * * *' };
    const spec = { message: 'Say hi', whileRunning: 'queue', maxRunning: 20, maxFailures: 100, schedule };
    const ids: string[] = [];
    for (let n = 0; n < 100; n++) ids.push((await ask('POST', base, json({ name: `One ${n}`, ...spec }))).id);
    const deleted = new Set<string>();
    // The stand-in for MongoDB reads a whole collection where it has no index. So sessions that are over go as they are checked,
    // and the starts of all automations are read at once.
    const tidy = async () => {
      const ended = await pair.records('automation-start');
      const sessions = ended.map(({ doc }) => (doc as { sessionId: string }).sessionId);
      const over = sessions.filter((id) => !deleted.has(id));
      await expectOneRun(it, over);
      for (const id of over) {
        // A deletion whose answer a kill took away finds no session when it is asked again.
        await ask('DELETE', `/api/v1/sessions/${id}`).catch((error: Error) => {
          if (!error.message.includes(': 404 ')) throw error;
        });
        deleted.add(id);
      }
    };
    {
      await using kills = killer(pair.servers, 10_000);
      const end = performance.now() + minutes * 60_000;
      while (performance.now() < end) {
        await tidy();
        await sleep(Math.max(0, Math.min(30_000, end - performance.now())));
      }
      expect(kills.kills()).toBeGreaterThan(2 * minutes);
      process.stdout.write(`${kills.kills()} kills\n`);
    }
    for (const id of ids) await ask('POST', `${base}/${id}/pause`);
    const open = async () => (await pair.records('automation-open')).length;
    await expect.poll(open, { interval: 2_000 }).toBe(0);
    await tidy();
    const found: (readonly Start[])[] = [];
    for (const id of ids) found.push(await startsOf(id));
    expect(tally(found.flat())).toEqual({ ended: deleted.size });
    for (const starts of found) {
      const due = starts.flatMap(({ cause }) => (cause.kind === 'schedule' ? [Date.parse(cause.dueAt)] : [])).sort();
      const since = due.map((at) => (at - (due[0] ?? 0)) / 60_000);
      expect(since).toEqual(since.map((_, n) => n)); // every minute, once
      expect(since.length).toBeGreaterThanOrEqual(minutes - 1);
    }
    const late = found
      .flat()
      .map(({ at, cause }) => (cause.kind === 'schedule' ? Date.parse(at) - Date.parse(cause.dueAt) : 0));
    process.stdout.write(`${late.length} starts, the latest one ${Math.max(...late)} ms late\n`);
    await expectOnce(it, found.flat(), deleted);
  },
);
