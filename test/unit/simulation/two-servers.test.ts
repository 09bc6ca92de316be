import { expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { leaseNameOf } from '../../../src/sessions/cluster/leased-ownership.ts';
import { type Server, startServer } from '../../support/simulation/server.ts';
import { World } from '../../support/simulation/world.ts';

// Two servers on one store, in histories that the seeds of the long simulation reach only by luck.

async function twoServers(seed: number) {
  const world = new World(seed, { isShared: true });
  Object.assign(world, {
    sandboxPolicy: { ...world.sandboxPolicy, idlePauseMs: undefined, idleStopMs: 600_000, ttlMs: 600_000 },
  });
  world.calmDown();
  const servers = [startServer(world), startServer(world)] as const;
  const made = servers[world.dice.between(0, 1)]?.sessions.create({ origin: 'sheikhbox' });
  await world.time.pass(1_000); // the store can be slow
  const id = (await made)?.id;
  if (!id) throw new Error('no session was made');
  const owners = () => servers.filter(({ engine }) => engine.liveSessions.get(id));
  const events = async () => (await world.store.store.events.page(id, 0, 10_000)).events;
  const end = () => servers.map(({ life }) => life.kill());
  return { world, servers, id, owners, events, end };
}

test('F054 two servers that start one session at once: one owns it, one sandbox is made, both messages are in one log', {
  tags: ['all'],
}, async () => {
  for (let seed = 1; seed <= 15; seed++) {
    const { world, servers, id, owners, events, end } = await twoServers(seed);
    const { time, dice, backend } = world;
    const send = async (server: Server, text: string) => {
      await time.sleep(dice.between(0, 20));
      return await server.sessions.send(id, { text, mode: 'queue' });
    };
    const sent = Promise.all(servers.map((server, n) => send(server, `#${n}# steps 1`)));
    let most = 0;
    for (let n = 0; n < 100; n++) {
      await time.pass(50);
      most = Math.max(most, owners().length);
    }
    await sent;
    await time.pass(300_000); // approvals that nobody decides take 25 s each
    const all = await events();
    expect([most, backend.calls.provision], `seed ${seed}`).toEqual([1, 1]);
    expect(all.filter(({ type }) => type === 'message.user')).toHaveLength(2);
    const runs = new Set(all.flatMap((event) => (event.type === 'message.user' ? [event.runId] : [])));
    const ended = all.flatMap((event) => (event.type === 'run.end' ? [event.runId] : []));
    expect(new Set(ended), `seed ${seed}: ${world.trace.slice(-15).join('\n')}`).toEqual(runs);
    expect([ended.length, all.map(({ seq }) => seq)]).toEqual([runs.size, all.map((_, n) => n + 1)]);
    expect(world.problems).toEqual([]);
    end();
  }
});

test('F057 a renewal that fails once is made up for: the session stays with its owner, and its run continues', async () => {
  for (let seed = 1; seed <= 15; seed++) {
    const { world, servers, id, owners, events, end } = await twoServers(seed);
    const { time, dice, store } = world;
    const { leases } = store.store;
    const { renew } = leases;
    const name = leaseNameOf(id);
    let nth = 0;
    let failed = 0;
    const failing = dice.between(1, 5);
    Object.assign(leases, {
      renew: async (...args: Parameters<typeof renew>) => {
        const isOurs = args[0].includes(name);
        if (isOurs) nth += 1;
        if (!isOurs || nth !== failing) return await renew(...args);
        failed += 1;
        throw new AppError('store_unavailable', 'The store cannot be reached.');
      },
    });
    const sent = servers[0].sessions.send(id, { text: 'steps 9 forever', mode: 'queue' });
    await time.pass(2_000);
    await sent;
    const [owner] = owners();
    const { runId } = await sent;
    const seen = new Set<Server | undefined>();
    for (let n = 0; n < 150; n++) {
      await time.pass(100);
      for (const it of owners()) seen.add(it);
    }
    expect([...seen], `seed ${seed}`).toEqual([owner]);
    expect((await leases.get(name))?.epoch).toBe(1);
    expect((await events()).filter((event) => event.type === 'run.end' && event.runId === runId)).toEqual([]);
    expect(failed, `the fault did not happen, seed ${seed}`).toBe(1);
    end();
  }
});
