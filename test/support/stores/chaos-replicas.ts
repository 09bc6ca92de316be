import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { expect, test } from 'vitest';
import type { StoredRecord } from '../../../src/core/contracts/ports.ts';
import { toAppError } from '../../../src/core/errors/errors.ts';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { mongoStore } from '../../../src/storage/mongo/store.ts';
import { api, fence } from '../clients/api.ts';
import { openStream, type SeenEvent } from '../clients/sse-client.ts';
import { problemsOf } from '../hostile/checker.ts';
import { endSandboxes } from '../sandboxes/ended-sandboxes.ts';
import { needs } from '../servers/components.ts';
import { type ServerProcess, serverProcess } from '../servers/server-process.ts';
import { seeded } from '../simulation/dice.ts';
import { mongoUrl, skipMongo } from './mongo.ts';

export interface Pair extends AsyncDisposable {
  readonly servers: readonly [ServerProcess, ServerProcess];
  readonly data: string;
  events(id: string): Promise<SessionEvent[]>;
  /** The records of a kind, read from the database at once. */
  records(kind: string): Promise<readonly StoredRecord[]>;
}

/** Two real servers on one database and one set of sandboxes. */
export async function serverPair(mongo: string, settings: Record<string, string>): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const data = await mkdtemp(join(tmpdir(), 'corral-pair-'));
  stack.defer(() => rm(data, { recursive: true, force: true }));
  stack.defer(() => endSandboxes(data));
  const database = `corral_${crypto.randomUUID().slice(0, 8)}`;
  stack.defer(async () => {
    await using client = new MongoClient(mongo);
    await client.db(database).dropDatabase();
  });
  const url = new URL(mongo);
  url.pathname = `/${database}`;
  const common = { MONGODB_URL: url.href, CORRAL_DATA_DIR: data, CORRAL_RATE_LIMIT_PER_MINUTE: '0' };
  const open = () => serverProcess({ ...common, CORRAL_EGRESS_POLICY: 'none', ...settings });
  const servers = [stack.use(await open()), stack.use(await open())] as const;
  const store = stack.use(await mongoStore({ url: new Secret(url.href) }));
  const held = stack.move();
  return {
    servers,
    data,
    async events(id) {
      return (await patiently(() => store.events.page(SessionId.parse(id), 0, 1_000_000))).events;
    },
    records: (kind) => patiently(() => store.records.list(kind)),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Reads until the database answers: on a busy machine its stand-in can take longer than a server waits. */
async function patiently<Value>(read: () => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (thrown) {
      if (toAppError(thrown).code !== 'store_unavailable' || tries === 60) throw thrown;
      await sleep(1_000);
    }
  }
}

/** A test with a pair of servers on the tests' database, with the process driver and leases of two seconds. */
export function testPair(
  name: string,
  play: (pair: Pair & Record<'atOld' | 'atHeir', ReturnType<typeof api>>) => Promise<void>,
): void {
  test.skipIf(skipMongo)(name, async (context) => {
    await needs(context, 'bubblewrap');
    const leases = { CORRAL_DRIVER: 'process', CORRAL_REPLICAS_LEASE_SECONDS: '2' };
    await using pair = await serverPair(mongoUrl ?? 'mongodb://127.0.0.1:27017/', leases);
    const [old, heir] = pair.servers;
    await play({ ...pair, atOld: api(old.url), atHeir: api(heir.url) });
  });
}

/** A client that changes to the other server, with its cursor, whenever its connection breaks or falls silent. */
export function roamingClient(urls: readonly string[], id: string): { seen: SeenEvent[] } & Disposable {
  const seen: SeenEvent[] = [];
  const stop = new AbortController();
  const read = async () => {
    for (let turn = 0; !stop.signal.aborted; turn++) {
      const headers = { 'last-event-id': seen.at(-1)?.id ?? '0' };
      const url = `${urls[turn % urls.length]}/api/v1/sessions/${id}/events`;
      const opening = openStream(url, { headers });
      const stream = await Promise.race([opening, sleep(1_000)]).catch(() => undefined);
      void opening.then((late) => stream ?? late[Symbol.dispose]()).catch(() => {});
      if (!stream) {
        await sleep(50);
        continue;
      }
      using open = stream;
      const gone = { is: open.status !== 200 };
      void open.ended.then(() => {
        gone.is = true;
      });
      let taken = 0;
      const take = () => {
        const events = open.events();
        for (const event of events.slice(taken)) seen.push(event);
        if (events.length > taken) silentSince = performance.now();
        taken = events.length;
      };
      let silentSince = performance.now();
      while (!gone.is && !stop.signal.aborted && performance.now() - silentSince < 3_000) {
        await sleep(20);
        take();
      }
      take();
    }
  };
  void read();
  return { seen, [Symbol.dispose]: () => stop.abort() };
}

interface Chaos {
  readonly mongo: string;
  readonly driver: 'docker' | 'process';
  readonly points: number;
  readonly seed: number;
  readonly leaseSeconds: number;
}

/** Kills per session. Longer logs would test how fast the database scans, and another test does that. */
const pointsPerSession = 8;

/** Kills, stops and hands over two loaded servers at random, then checks the log, the sandbox and the clients. */
export async function chaosReplicas({ mongo, driver, points, seed, leaseSeconds }: Chaos) {
  const random = seeded(seed);
  const settings = { CORRAL_DRIVER: driver, CORRAL_REPLICAS_LEASE_SECONDS: String(leaseSeconds) };
  await using pair = await serverPair(mongo, settings);
  const all = { problems: [] as string[], moved: 0, events: 0, sent: 0, counts: { kill: 0, pause: 0, handOver: 0 } };
  for (let done = 0; done < points; done += pointsPerSession) {
    const load = { points: Math.min(pointsPerSession, points - done), leaseSeconds, random, counts: all.counts };
    const { problems, moved, events, sent } = await oneSession(pair, load);
    all.problems.push(...problems);
    all.moved += moved;
    all.events += events;
    all.sent += sent;
  }
  return all;
}

interface Load {
  readonly points: number;
  readonly leaseSeconds: number;
  readonly random: () => number;
  readonly counts: { kill: number; pause: number; handOver: number };
}

async function oneSession(pair: Pair, { points, leaseSeconds, random, counts }: Load) {
  const clients = pair.servers.map(({ url }) => api(url));
  const pick = () => clients[random() < 0.5 ? 0 : 1] as ReturnType<typeof api>;
  const either = async <Value>(act: (client: ReturnType<typeof api>) => Promise<Value>): Promise<Value> => {
    for (let tries = 0; ; tries++) {
      try {
        return await Promise.race([
          act(pick()),
          sleep(15_000).then(() => {
            throw new Error('no answer');
          }),
        ]);
      } catch (error) {
        if (tries > 40) throw error;
        await sleep(100);
      }
    }
  };
  const id = await either((it) => it.create());
  await either((it) => it.chat(id, fence('sh', 'touch ready')));
  using client = roamingClient(
    pair.servers.map(({ url }) => url),
    id,
  );
  let sent = 0;
  for (let point = 0; point < points; point++) {
    if ((await either((it) => it.status(id))) !== 'running') {
      sent += 1;
      const text = task(sent);
      await either((it) => it.send(id, text)).catch(() => {});
    }
    // The first two kills hit one server each in the middle of a task, so that at least one of them takes its owner away.
    const sure = point < pair.servers.length;
    await sleep(random() * (sure ? 200 : 700));
    const server = pair.servers[sure ? point : random() < 0.5 ? 0 : 1] as ServerProcess;
    const what = sure ? 0 : random();
    if (what < 0.4) {
      counts.kill += 1;
      server.kill('SIGKILL');
      await server.restart();
    } else if (what < 0.6) {
      counts.pause += 1;
      server.kill('SIGSTOP');
      await sleep(leaseSeconds * 1_000 * (0.5 + random()) + 500);
      server.kill('SIGCONT');
    } else {
      counts.handOver += 1;
      server.kill('SIGTERM');
      await server.restart();
    }
  }
  await expect.poll(() => either((it) => it.status(id)), { interval: 200 }).toBe('completed');
  const answer = await either((it) => it.ask('POST', `/${id}/file`, { file: 'ran' }));
  const ran = ((answer.body.data as { content: string } | null)?.content ?? '').split('\n').filter(Boolean);
  const events = await pair.events(id);
  const problems = problemsOf(events);
  problems.push(...ran.filter((line, at) => ran.indexOf(line) !== at).map((line) => `${line} ran twice`));
  const last = String(events.at(-1)?.seq);
  const calm = await openStream(`${pair.servers[0].url}/api/v1/sessions/${id}/events`, {
    headers: { 'last-event-id': '0' },
  });
  using _calm = calm;
  const shown = () => calm.events().map(idAndName);
  await expect.poll(() => Number(calm.events().at(-1)?.id ?? 0)).toBeGreaterThan(Number(last) - 4);
  await sleep(300);
  const want = shown();
  await expect.poll(() => client.seen.length).toBeGreaterThanOrEqual(want.length);
  const seen = client.seen.map(idAndName);
  const wrong = want.findIndex((it, at) => it !== seen[at]);
  if (wrong >= 0 || seen.length !== want.length) {
    problems.push(
      `a client saw ${seen.slice(wrong - 2, wrong + 3)} where the log has ${want.slice(wrong - 2, wrong + 3)}`,
    );
  }
  expect((await either((it) => it.remove(id))).status).toBe(200);
  const moved = events.filter((it) => it.type === 'run.notice' && it.data.kind === 'resumed_after_restart').length;
  return { problems, moved, events: events.length, sent };
}

const idAndName = ({ id, event }: SeenEvent) => `${id} ${event}`;
const task = (n: number) =>
  `Task ${n}\n${fence('sh', `echo ${n}.1 >> ran; for i in 1 2 3 4 5; do echo line $i; sleep 0.05; done`)}\n` +
  `${fence(`file:note-${n}.md`, `note ${n}`)}\n${fence('sh', `sleep 0.2; echo ${n}.2 >> ran; cat note-${n}.md`)}`;
