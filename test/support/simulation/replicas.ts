import { sessionLeaseNameOf } from '../../../src/sessions/cluster/leased-ownership.ts';
import type { Engine } from '../../../src/sessions/engine/engine.ts';
import { Actions } from './actions.ts';
import { checkAtRest, checkLogs } from './checks.ts';
import { Client } from './client.ts';
import { type Server, startServer } from './server.ts';
import { type SimulationReport, World } from './world.ts';

const minute = 60_000;

/**
 * Like `simulate`, with two servers on one store. Both are killed, stopped, cut off and handed over; leases are stolen.
 */
export async function simulateReplicas(seed: number): Promise<SimulationReport> {
  const world = new World(seed, { isShared: true });
  const { dice, time } = world;
  const servers = [startServer(world), startServer(world)];
  const atWork = () => servers.filter(({ life }) => life.isAlive && !life.isStopped);
  const oneOf = (): Server => dice.pick(atWork().length > 0 ? atWork() : servers);
  const client = new Client(world, oneOf);
  world.unanswered = () => client.unanswered;
  const actions = new Actions(world, client);
  const rejected = (error: unknown) =>
    world.problem(`an unhandled rejection: ${error instanceof Error ? error.stack : error}`);
  process.on('unhandledRejection', rejected);

  const replace = (old: Server) => {
    if (dice.chance(0.5)) world.deadHolders.add(old.holder); // servers on one machine can see that it is dead
    servers[servers.indexOf(old)] = startServer(world);
  };
  const close = async (server: Server) => {
    let isClosed = false;
    void server.close().then(() => (isClosed = true));
    if (!(await time.until(() => isClosed || !server.life.isAlive, 2 * minute)))
      world.problem('F007: a server does not close');
    server.life.kill();
  };
  const handOver = async (server: Server) => {
    world.hit('replica: hands over');
    await close(server);
    replace(server);
  };
  const trouble = async () => {
    const server = oneOf();
    const ms = dice.pick([1_000, 4_000, 8_000, 20_000]);
    const kind = dice.weighted({ none: 12, cut: 3, stop: 3, steal: 2, handOver: 1 });
    if (kind === 'handOver') await handOver(server);
    if (kind === 'cut') {
      world.hit('replica: is cut off from the store');
      server.life.isCutOff = true;
      time.setTimeout(() => (server.life.isCutOff = false), ms);
    }
    if (kind === 'stop') {
      world.hit(`replica: is stopped ${ms > 5_000 ? 'past its leases' : 'for a moment'}`);
      server.life.stop();
      time.setTimeout(() => server.life.goOn(), ms);
    }
    const id = dice.pick(client.sessions);
    if (kind !== 'steal' || !id || !servers.some(({ engine }) => engine.liveSessions.get(id))) return;
    world.hit('replica: loses a lease to somebody');
    const { leases } = world.store.store;
    await leases.acquire(sessionLeaseNameOf(id), 'a thief', time.now() + 60 * minute, 1);
    await leases.release(sessionLeaseNameOf(id), 'a thief');
  };
  const revive = async () => {
    for (const server of servers.filter(({ life }) => !life.isAlive)) {
      if (atWork().length > 0 && dice.chance(0.5)) continue;
      await time.pass(dice.pick([0, 100, 10_000]));
      replace(server);
    }
  };

  try {
    for (let n = dice.between(1, 2); n > 0; n--) client.create();
    await time.pass(dice.pick([0, 5, 100]));
    for (let n = 10 + dice.between(0, dice.between(0, 20)); n > 0; n--) {
      await revive();
      const server = oneOf();
      await actions.act(server, () => handOver(server));
      await trouble();
      await time.pass(dice.pick([0, 0, 1, 10, 100, 1_000]));
    }
    actions.end();
    await time.pass(20_000); // servers that were stopped or cut off are back by then
    world.tell('--- calm');
    world.calmDown();
    for (const server of servers) {
      server.life.spare();
      if (!server.life.isAlive) replace(server);
    }
    await checkAtRest(world, client, () => both(servers));
    for (const follower of client.followers) follower.end();
    await checkLogs(world, client);
    for (const server of servers) await close(server);
    if (!(await time.until(() => time.pending() === 0, minute)))
      world.problem(`I8: ${time.pending()} timers outlive the servers`);
  } finally {
    actions.end();
    process.off('unhandledRejection', rejected);
    for (const { life } of servers) life.kill();
  }
  const { problems, hits } = world;
  return { problems, trace: () => world.trace, hits, succeeded: client.succeeded, failed: client.failed };
}

/** A view of both servers' engines: a session is live if either server has it. */
function both(servers: readonly Server[]): Server {
  const hasSandbox: Engine['supervisor']['hasSandbox'] = (id) =>
    servers.some(({ engine }) => engine.supervisor.hasSandbox(id));
  const get: Engine['liveSessions']['get'] = (id) =>
    servers.map(({ engine }) => engine.liveSessions.get(id)).find(Boolean);
  const engine = { supervisor: { hasSandbox }, liveSessions: { get } } as Engine;
  return { ...(servers[0] as Server), engine };
}
