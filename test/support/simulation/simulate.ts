import { Actions } from './actions.ts';
import { checkAtRest, checkGone, checkLogs } from './checks.ts';
import { Client } from './client.ts';
import { simulateReplicas } from './replicas.ts';
import { type Server, startServer } from './server.ts';
import { type SimulationReport, World } from './world.ts';

const minute = 60_000;
const everySo = 10; // histories of two servers take longer, because the servers call each other all the time

/**
 * Plays a short random history of a server, its users and its faults. The same seed gives the same history and problems.
 */
export async function simulate(seed: number): Promise<SimulationReport> {
  if (seed % everySo === 0) return await simulateReplicas(seed);
  const world = new World(seed);
  const { dice, time } = world;
  let server: Server = startServer(world);
  const client = new Client(world, () => server);
  world.unanswered = () => client.unanswered;
  const actions = new Actions(world, client);
  const rejected = (error: unknown) =>
    world.problem(`an unhandled rejection: ${error instanceof Error ? error.stack : error}`);
  process.on('unhandledRejection', rejected);

  const restart = async () => {
    world.hit('server: restart');
    const closed = server.close();
    let isClosed = false;
    void closed.then(() => (isClosed = true));
    if (!(await time.until(() => isClosed || !server.life.isAlive, 2 * minute)))
      world.problem('F007: the server does not close');
    server.life.kill();
    server = startServer(world);
  };
  const revive = async () => {
    if (server.life.isAlive) return;
    await time.pass(dice.pick([0, 100, 20_000]));
    world.tell('a new server starts');
    server = startServer(world);
  };

  try {
    for (let n = dice.between(1, 3); n > 0; n--) client.create();
    await time.pass(dice.pick([0, 5, 100]));
    for (let n = 10 + dice.between(0, dice.between(0, 30)); n > 0; n--) {
      await revive();
      await actions.act(server, restart);
      await time.pass(dice.pick([0, 0, 0, 1, 10, 100, 1_000]));
    }
    actions.end();
    world.tell('--- calm');
    world.calmDown();
    server.life.spare();
    await revive();
    await checkAtRest(world, client, () => server);
    await checkLogs(world, client);
    await checkGone(world, client, () => server);
  } finally {
    actions.end();
    process.off('unhandledRejection', rejected);
    server.life.kill();
  }
  const { problems, hits } = world;
  return { problems, trace: () => world.trace, hits, succeeded: client.succeeded, failed: client.failed };
}
