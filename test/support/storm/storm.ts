import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { openMongoStore } from '../../../src/storage/mongo/store.ts';
import { storedEvents } from '../clients/api.ts';
import { dockerHost } from '../sandboxes/docker.ts';
import { engineProxy } from '../sandboxes/engine-proxy.ts';
import { serverProcess } from '../servers/server-process.ts';
import { mongoUrl } from '../stores/mongo.ts';
import { mongoProxy } from '../stores/mongo-proxy.ts';
import { worlds } from '../worlds.ts';
import { Clients } from './load.ts';
import { FaultMaker } from './making.ts';
import { type StormWorld, stormPlan } from './plan.ts';
import { accountsOf } from './verdict.ts';

export interface Storm extends StormWorld {
  readonly ms: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}
const sessions = 4;

/** Makes every possible fault on a server under load, then waits until it is idle and checks all invariants. */
export async function storm({ driver, store, ms, seed, say }: Storm): Promise<{ problems: string[]; met: number }> {
  await using stack = new AsyncDisposableStack();
  const world = worlds.find((it) => it.driver === driver);
  if (!world) throw new Error(`there is no driver ${driver}`);
  const plan = stormPlan(seed, ms, { driver, store });
  const canary = `canary-${crypto.randomUUID()}`;
  const engine = driver === 'docker' ? stack.use(await engineProxy(dockerHost)) : undefined;
  const mongo = store === 'mongodb' ? stack.use(await mongoProxy(mongoUrl ?? 'mongodb://127.0.0.1:27017/')) : undefined;
  const database = `corral_storm_${crypto.randomUUID().slice(0, 8)}`;
  const direct = new URL(mongoUrl ?? 'mongodb://127.0.0.1:27017/');
  direct.pathname = `/${database}`;
  if (mongo) {
    stack.defer(async () => {
      await using client = new MongoClient(direct.href);
      await client.db(database).dropDatabase();
    });
  }
  let made = (): readonly string[] => [];
  // After the server's end: a deletion that its end cuts off would leave a container, and no server comes after it.
  stack.defer(async () => {
    for (const id of made()) await world.clear(id).catch((error: unknown) => say(`left behind of ${id}: ${error}`));
  });
  const server = stack.use(
    await serverProcess({
      CORRAL_DRIVER: driver,
      CORRAL_RATE_LIMIT_PER_MINUTE: '0',
      CORRAL_EGRESS_POLICY: 'none',
      CORRAL_SANDBOX_MEMORY: '268435456',
      GEMINI_API_KEY: canary,
      ...(engine && { DOCKER_HOST: engine.host }),
      ...(mongo && { MONGODB_URL: `${mongo.url}${database}` }),
    }),
  );
  const events = async (id: string): Promise<readonly SessionEvent[]> => {
    if (!mongo) return storedEvents(server.data, id);
    await using opened = await openMongoStore({ url: new Secret(direct.href), deadlineMs: 60_000 });
    return (await opened.events.page(SessionId.parse(id), 0, 1_000_000)).events;
  };
  const clients = new Clients(server.url);
  made = () => [...clients.sessions, ...clients.ledger.condemned];
  const problems: string[] = [];
  const making = new FaultMaker({ server, world, clients, engine, mongo, problems });
  say(`storm: seed ${seed}, ${plan.length} faults in ${ms / 1_000} s, driver ${driver}, store ${store}`);
  for (let n = 0; n < sessions; n++) await clients.create();

  const began = performance.now();
  const passed = () => Math.round(performance.now() - began);
  const under: Promise<void>[] = [];
  let lagMs = 0; // keeps the faults apart where the machine restarts a server slowly
  for (const step of plan) {
    const dueMs = step.atMs + lagMs;
    await sleep(Math.max(0, dueMs - passed()));
    if (passed() > 2.5 * ms + 30_000) break;
    say(`${(passed() / 1_000).toFixed(1).padStart(6)} s  ${step.fault}, ${step.lastsMs} ms`);
    const made = making.make(step).catch((error: unknown) => void problems.push(`${step.fault}: ${error}`));
    under.push(made);
    if (/^server|locked/.test(step.fault)) await made; // other faults wait until a server runs again
    lagMs = Math.max(lagMs, passed() - step.atMs);
  }
  await Promise.all(under);
  engine?.calm();
  mongo?.calm();
  await clients.rest();
  say('peace');
  problems.push(...(await accountsOf({ server, world, clients, engine, mongo, problems: [], events, canary })));
  const { succeeded, failed, accepted, deleted } = clients.ledger;
  const messages = [...accepted.values()].flat().length;
  const met = [...making.hits].map(([fault, times]) => `${fault} ${times}`);
  say(`met: ${met.join(', ')}`);
  say(
    `requests: ${succeeded} succeeded, ${failed} failed; ${messages} messages accepted, ${deleted.size} sessions deleted`,
  );
  const planned = new Set(plan.map(({ fault }) => fault));
  const never = [...planned].filter((fault) => !making.hits.has(fault));
  if (making.hits.size < planned.size * 0.6) problems.push(`I11: these faults found nothing to harm: ${never}`);
  for (const id of [...clients.sessions]) await clients.delete(id);
  for (const problem of problems) say(`PROBLEM ${problem}`);
  if (problems.length > 0) say(server.output().slice(-3_000));
  return { problems, met: making.hits.size };
}
