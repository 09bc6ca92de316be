import { setTimeout as pause } from 'node:timers/promises';
import { SessionId } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import { mongoStore } from '../../src/store/mongo/store.ts';
import { problemsOf } from '../../test/support/checker.ts';
import { type Child, startChild } from '../lib/child-process.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Followed } from '../lib/roaming-followers.ts';
import { atMost, type Figures, growth, type SeriesPlan } from '../lib/series.ts';
import { type Member, type ServerGroup, serverGroup } from '../lib/server-group.ts';
import { missingMongo } from '../lib/shared-store.ts';

// Real servers on one MongoDB, with fake sandboxes: sessions that run without end, a rolling restart of all servers under
// up to two hundred following clients, and a server that is stopped like a machine that was cut off. Database, servers and
// clients share this machine's processors, so the runs per second say how many processors it has: the processor time of
// a run says what a run costs a server. At the end the log of each session is checked for lost and doubled work.

const leaseSeconds = 5;
const perServer = 2;
const scale = { quick: { ms: 6_000, followers: 40 }, full: { ms: 30_000, followers: 200 } } as const;
const task = 'Work\n```sh\necho one\n```\n```sh\necho two\n```';

export const severalServers: SeriesPlan = {
  ...{ id: 'several-servers', title: 'Servers on one MongoDB', along: 'servers' },
  points: () => [1, 2, 4],
  missing: missingMongo,
  fitted: [],
  rules: [
    atMost('the processor time of a run does not grow with the servers', 1.2, ({ y }) => growth(y.cpuMsPerRun ?? [])),
    atMost('another server takes over within the lease and a second', leaseSeconds + 1, ({ y }) =>
      Math.max(...(y.takeOverS ?? [Number.NaN]).slice(1)),
    ),
    atMost('a rolling restart loses or doubles no event of a follower', 0, ({ y }) =>
      Math.max(...(y.wrongFollowers ?? [Number.NaN])),
    ),
    atMost('no work is lost or done twice', 0, ({ y }) => Math.max(...(y.problems ?? [Number.NaN]))),
  ],
  open: async (mode) => ({
    at: (count) => figuresOf(count, scale[mode]),
    async [Symbol.asyncDispose]() {},
  }),
};

async function figuresOf(count: number, { ms, followers }: (typeof scale)['quick' | 'full']): Promise<Figures> {
  await using group = await serverGroup(count, {
    ...{ CORRAL_DRIVER: 'memory', CORRAL_EGRESS_POLICY: 'none', LOG_LEVEL: 'error' },
    ...{ CORRAL_MAX_SESSIONS_PER_OWNER: '0', CORRAL_REPLICAS_LEASE_SECONDS: String(leaseSeconds) },
  });
  const urls = group.members.map(({ url }) => url);
  const sessions = await Promise.all(
    Array.from({ length: count * perServer }, (_, n) => create(urls[n % count] as string)),
  );
  const load = new Load(urls, sessions);
  await pause(2_000);
  const [runs, cpuMs, from] = [load.runs, group.cpuMs(), monotonicMs()];
  await pause(ms);
  const done = load.runs - runs;
  const runsPerS = (done * 1_000) / (monotonicMs() - from);
  const cpuMsPerRun = (group.cpuMs() - cpuMs) / done;
  load.restMs = 1_000; // a store that scans could not serve two hundred followers beside sessions without a rest
  const argument = { urls, sessions, followers };
  await using clients = await startChild('roaming-followers', argument);
  await pause(8_000); // all have arrived
  const rolledAt = monotonicMs();
  for (const member of group.members) await member.restart();
  const rolledS = (monotonicMs() - rolledAt) / 1_000;
  await pause(1_000);
  const takeOverS = count > 1 ? await takeOver(group, load) : 0;
  await load.end();
  const logs = await logsOf(group.store, sessions);
  const wrongFollowers = await wrong(clients, urls[0] as string, logs);
  const problems = [...logs.values()].flatMap(problemsOf);
  for (const problem of problems.slice(0, 5)) console.error(`bench: ${problem}`);
  return { runsPerS, cpuMsPerRun, rolledS, takeOverS, wrongFollowers, problems: problems.length };
}

/** Stops the first server like a machine that was cut off; how long its sessions are without a holder, in s. */
async function takeOver({ members }: ServerGroup, load: Load): Promise<number> {
  const [first, second] = members as [Member, Member];
  const session = load.sessions[0] as string;
  first.signal('SIGSTOP');
  const from = monotonicMs();
  load.avoid = first.url;
  try {
    // Only a session's holder accepts a message, so the answer's head comes after the take-over.
    const answer = await ask(second.url, session, AbortSignal.timeout(60_000));
    const took = (monotonicMs() - from) / 1_000;
    await answer.text();
    return took;
  } finally {
    load.avoid = undefined;
    first.signal('SIGCONT');
  }
}

async function create(url: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/sessions`, { method: 'PUT' });
  return ((await answer.json()) as { data: { session_id: string } }).data.session_id;
}

/** Sends a message and waits for the end of its run. */
async function say(url: string, session: string, signal: AbortSignal): Promise<void> {
  await (await ask(url, session, signal)).text();
}

/** Resolves once the message is accepted; the body ends with its run. */
async function ask(url: string, session: string, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(`${url}/api/v1/sessions/${session}/chat`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' }, signal },
    body: JSON.stringify({ message: task }),
  });
  if (!answer.ok) throw new Error(`${answer.status}: ${(await answer.text()).slice(0, 200)}`);
  return answer;
}

/** Each session gets its next message when its run has ended, from its own server or, if that fails, from the next. */
class Load {
  runs = 0;
  /** The time between a session's runs, in ms. */
  restMs = 0;
  avoid: string | undefined;
  readonly sessions: readonly string[];
  readonly #urls: readonly string[];
  readonly #over = new AbortController();
  readonly #working: readonly Promise<void>[];

  constructor(urls: readonly string[], sessions: readonly string[]) {
    this.#urls = urls;
    this.sessions = sessions;
    this.#working = sessions.map((session, n) => this.#work(session, n));
  }

  async #work(session: string, n: number): Promise<void> {
    for (let at = n; !this.#over.signal.aborted; ) {
      const url = this.#urls[at % this.#urls.length] as string;
      const soon = AbortSignal.timeout(60_000);
      const isDone =
        url !== this.avoid &&
        (await say(url, session, soon).then(
          () => true,
          () => false,
        ));
      if (isDone) {
        this.runs += 1;
        await pause(this.restMs);
      } else {
        at += 1;
        await pause(50);
      }
    }
  }

  /** Resolves when no run is under way. */
  async end(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#working);
    const until = monotonicMs() + 180_000;
    for (const session of this.sessions) {
      for (let is = ''; is !== 'completed'; await pause(100)) {
        is = await statusOf(this.#urls[0] as string, session);
        if (monotonicMs() > until) throw new Error(`after three minutes ${session} is ${is}`);
      }
    }
  }
}

async function statusOf(url: string, session: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/sessions/${session}`);
  const text = await answer.text();
  return (JSON.parse(text) as { data: { status: string } | null }).data?.status ?? text;
}

async function logsOf(url: string, sessions: readonly string[]) {
  await using store = await mongoStore({ url: new Secret(url), deadlineMs: 60_000 });
  const logs = new Map<string, Awaited<ReturnType<typeof store.events.page>>['events']>();
  for (const id of sessions) {
    const events = [];
    for (let after = 0; ; ) {
      const page = await store.events.page(SessionId.parse(id), after, 1_000);
      events.push(...page.events);
      const last = page.events.at(-1)?.seq;
      if (last === undefined) break;
      after = last;
    }
    logs.set(id, events);
  }
  return logs;
}

/** The number of followers that did not get exactly what a client gets that reads all of it at the end. */
async function wrong(clients: Child, url: string, logs: ReadonlyMap<string, readonly { seq: number }[]>) {
  await using calm = await startChild('roaming-followers', {
    urls: [url],
    sessions: [...logs.keys()],
    followers: logs.size,
  });
  await pause(8_000); // all have arrived
  const until = monotonicMs() + 30_000;
  const totals = async (child: Child) =>
    (await child.call<readonly Followed[]>('followed')).map(({ ids }) => ids.length).join();
  for (let before = ''; monotonicMs() < until; ) {
    const now = `${await totals(calm)} ${await totals(clients)}`;
    if (now === before) break;
    before = now;
    await pause(2_000);
  }
  const want = new Map(
    (await calm.call<readonly Followed[]>('followed')).map(({ session, ids }) => [session, ids.join()]),
  );
  const seen = await clients.call<readonly Followed[]>('followed');
  const reconnects = seen.reduce((sum, one) => sum + one.reconnects, 0);
  const events = seen.reduce((sum, { ids }) => sum + ids.length, 0);
  console.error(`bench: ${seen.length} followers got ${events} events over ${reconnects} reconnects`);
  return seen.filter(({ session, ids }) => ids.length === 0 || ids.join() !== want.get(session)).length;
}
