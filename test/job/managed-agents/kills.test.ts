// @module-tag nightly
import { expect, test } from 'vitest';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import type { FakeReply, FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { askAny } from '../../support/automations/killed-servers.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { needs } from '../../support/servers/components.ts';
import type { ServerProcess } from '../../support/servers/server-process.ts';
import { processLeftovers } from '../../support/stores/chaos.ts';
import { type Pair, serverPair } from '../../support/stores/chaos-replicas.ts';
import { mongoUrl, skipMongo } from '../../support/stores/mongo.ts';
import { type ProgramEvent, Servers } from './careful-program.ts';
import { wrongCounts, wrongOrder } from './turn-checks.ts';

// Two servers on one MongoDB, of which one after the other is killed while programs talk to both. A kill comes with an event
// of a session: with its first one in the first session that brings a kill, with the second one in the next, and so on.

const count = Number(process.env.KILLS_SESSIONS ?? 200);
const atOnce = 8;
/** One session in so many brings a kill. */
const oneIn = 7;
/** The events of a session whose two calls come one after the other; a kill comes with each of them in turn. */
const eventsOfSession = 28;
const limitMs = 3_300_000;

test.skipIf(skipMongo)(
  'sessions with confirmations and tools of programs go on while servers are killed: none is stuck, and nothing is doubled',
  async (context) => {
    await needs(context, 'bubblewrap');
    await using fake = await fakeProvider('anthropic', callsTwice);
    await using pair = await serverPair(mongoUrl ?? 'mongodb://127.0.0.1:27017/', {
      CORRAL_DRIVER: 'process',
      CORRAL_MANAGED_AGENTS: 'on',
      CORRAL_MAX_SESSIONS: '1000',
      CORRAL_MAX_SESSIONS_PER_OWNER: '0',
      CORRAL_MAX_STARTING_PER_OWNER: '0',
      ...fakeSettings('anthropic', fake.url),
    });
    const work = await workload(pair);
    const kills = killsInTurn(pair.servers);
    const left = Array.from({ length: count }, (_, n) => n).reverse();
    const stuck = AbortSignal.timeout(limitMs);
    const problems: string[] = [];
    const programs = Array.from({ length: atOnce }, async () => {
      for (let n = left.pop(); n !== undefined; n = left.pop()) {
        await kills.room();
        problems.push(...(await work.play(n, kills.killFor(n), stuck)));
      }
    });
    await Promise.all(programs);
    await kills.settled();
    process.stdout.write(`${kills.done()} kills; the store was away in ${work.begunAgain()} sessions\n`);
    expect(problems).toEqual([]);
    expect(kills.done()).toBe(Math.ceil(count / oneIn));
    expect(await work.begunTwice()).toEqual([]);
    await expect.poll(() => processLeftovers('', pair.data)).toEqual([]);
    expect(fake.refusals).toEqual([]);
  },
);

const words = { together: 'together', inTurn: 'in turn' } as const;
const taskOf = (n: number) => `task ${n} ${n % oneIn === 0 || n % 2 === 0 ? words.inTurn : words.together}`;

/** A model that runs a command and calls the program's tool, at once or in turn, and then says what it got. */
function callsTwice({ body }: FakeRequest): FakeReply {
  const [, n = '', way = ''] = /task (\d+) (together|in turn)/.exec(JSON.stringify(body.messages)) ?? [];
  const blocks: { type: string; id?: string; name?: string; tool_use_id?: string; content?: unknown }[] =
    body.messages.flatMap(({ content }: { content: unknown }) => (Array.isArray(content) ? content : []));
  const resultOf = (tool: string): string | undefined => {
    const use = blocks.findLast(({ type, name }) => type === 'tool_use' && name === tool);
    const result = use && blocks.find(({ tool_use_id: of }) => of === use.id);
    return result && JSON.stringify(result.content);
  };
  const command = `echo ${n} >> ran; echo ran-${n}`;
  const run = { name: 'bash', args: { command } };
  const look = { name: 'get_weather', args: { location: `city ${n}` } };
  const [ran, weather] = [resultOf('bash'), resultOf('get_weather')];
  if (ran === undefined) return { text: 'I begin.', calls: way === words.together ? [run, look] : [run] };
  // The server does not know whether the call took effect, so the agent looks before it repeats it.
  if (/Interrupted|interrupted/.test(ran))
    return { calls: [{ name: 'bash', args: { command: `[ -s ran ] || ${command}; echo ran-${n}` } }] };
  if (weather === undefined) return { calls: [look] };
  return { text: `Task ${n} is over: ${ran}, ${weather}` };
}

/** Kills one server after the other, each once the one before is up again. */
function killsInTurn(servers: readonly ServerProcess[]) {
  let begun = 0;
  let done = 0;
  let last = Promise.resolve();
  async function killNext(server: ServerProcess): Promise<void> {
    server.kill('SIGKILL');
    await server.restart().catch(() => server.restart()); // an overloaded machine gets a second try
    done += 1;
  }
  return {
    done: () => done,
    settled: () => last,
    /** Resolves when no kill waits for its turn. */
    async room(): Promise<void> {
      while (begun - done > 1) await last;
    },
    /** The kill of a session that brings one: undefined, or with which of its events, and the kill itself. */
    killFor(n: number) {
      if (n % oneIn !== 0) return undefined;
      const event = (n / oneIn) % eventsOfSession;
      let isDone = false;
      return {
        event,
        now() {
          if (isDone) return;
          isDone = true;
          const server = servers[begun % servers.length] as ServerProcess;
          begun += 1;
          last = last.then(() => killNext(server));
        },
      };
    },
  };
}
type Kill = ReturnType<ReturnType<typeof killsInTurn>['killFor']>;

async function workload(pair: Pair) {
  const servers = new Servers(pair.servers);
  const input_schema = { type: 'object', properties: { location: { type: 'string' } } };
  const { id: agent } = await servers.ask('POST', '/agents', {
    model: 'claude-sonnet-5-5',
    name: 'Careful',
    tools: [
      { type: 'agent_toolset_20260401', configs: [{ name: 'bash', permission_policy: { type: 'always_ask' } }] },
      { type: 'custom', name: 'get_weather', description: 'Weather of a city', input_schema },
    ],
  });
  let begunAgain = 0;
  const { id: environment_id } = await servers.ask('POST', '/environments', { name: 'plain' });

  /** One task, and how often it was begun. */
  async function play(n: number, kill: Kill, stuck: AbortSignal): Promise<string[]> {
    for (;;) {
      const { problems, isOver } = await playSession(n, kill, stuck);
      if (isOver || problems.length > 0) return problems;
      begunAgain += 1;
    }
  }

  /** One session from its creation to its removal, with what is wrong with it. It is over unless the store was away. */
  async function playSession(n: number, kill: Kill, stuck: AbortSignal) {
    const seen: ProgramEvent[] = [];
    const content = [{ type: 'text', text: taskOf(n) }];
    const initial_events = [{ type: 'user.message', content }];
    const late = Promise.withResolvers<never>();
    const giveUp = () => late.reject(new Error(`session ${n} is stuck after ${seen.map(({ type }) => type).join()}`));
    stuck.addEventListener('abort', giveUp, { once: true });
    const creation = servers.create(String(n), { agent, environment_id, initial_events });
    if (kill?.event === 0) kill.now(); // while it is made
    try {
      const session = await Promise.race([creation, late.promise]);
      const answering = answer(n, { session, seen, kill });
      await Promise.race([answering, late.promise]);
      const isOver = !isFailedByStore(seen);
      const problems = await wrongIn(n, { session, seen, isOver });
      await servers.remove(session);
      return { problems: problems.map((problem) => `session ${n} (${session}): ${problem}`), isOver };
    } finally {
      stuck.removeEventListener('abort', giveUp);
    }
  }

  /** Answers calls until the turn ends: some as soon as they are seen, the others when the session rests. */
  async function answer(n: number, { session, seen, kill }: { session: string; seen: ProgramEvent[]; kill: Kill }) {
    const uses = new Map<string, ProgramEvent>();
    const isEarly = n % 3 === 0;
    let tries = 0;
    const send = async (ids: readonly string[]) => {
      const events = ids.map((id) => answerTo(uses.get(id), `rain-${n}-${tries++}`));
      if (events.length > 0) await servers.ask('POST', `/sessions/${session}/events`, { events });
    };
    for await (const event of servers.follow(session, n)) {
      seen.push(event);
      if (kill && kill.event === seen.length) kill.now();
      const isAsked = event.type === 'agent.custom_tool_use' || event.evaluated_permission === 'ask';
      if (isAsked) uses.set(event.id, event);
      if (isAsked && isEarly) await send([event.id]);
      if (event.type !== 'session.status_idle') continue;
      if (event.stop_reason.type !== 'requires_action') return;
      // Also what was answered, as a client does that only looks at the end of the events.
      if (!isEarly) await send(event.stop_reason.event_ids);
    }
  }

  interface PlayedSession {
    readonly session: string;
    readonly seen: readonly ProgramEvent[];
    readonly isOver: boolean;
  }
  async function wrongIn(n: number, { session, seen, isOver }: PlayedSession): Promise<string[]> {
    const id = session.slice('sesn_'.length);
    const listed = await servers.events(session);
    const wish = { body: JSON.stringify({ file: 'ran' }), headers: { 'content-type': 'application/json' } };
    const ran = await askAny(pair.servers, 'POST', `/api/v1/sessions/${id}/file`, wish).then(
      ({ data }) => data.content,
      String,
    );
    return [
      ...problemsOf(await pair.events(id)),
      ...wrongOrder(listed),
      ...(isOver ? wrongCounts(listed, n) : []),
      ...(JSON.stringify(seen) === JSON.stringify(listed)
        ? []
        : [`the program saw ${JSON.stringify(seen)}, and the list has ${JSON.stringify(listed)}`]),
      ...(ran === `${n}\n` || !isOver ? [] : [`the command left ${JSON.stringify(ran)}`]),
    ];
  }
  /**
   * The names of sessions that were doubled: that stand there with events although each program has removed its own. One
   * without events is what a slow database has stored of a creation after its server was killed.
   */
  async function begunTwice(): Promise<string[]> {
    const doubled: string[] = [];
    for (const { id, metadata } of await servers.sessions()) {
      if ((await servers.events(id)).length > 0) doubled.push(metadata.name);
      await servers.remove(id);
    }
    return doubled;
  }
  return { servers, play, begunTwice, begunAgain: () => begunAgain };
}

/**
 * A database that does not answer for three seconds fails the run, and the program is told to try again. No kill does
 * that: it happens where the database and the servers have too little of the processors.
 */
const isFailedByStore = (events: readonly ProgramEvent[]): boolean =>
  events.at(-1)?.stop_reason?.type === 'retries_exhausted' &&
  events.some(({ type, error }) => type === 'session.error' && /store/i.test(error.message));

function answerTo(use: ProgramEvent, text: string): object {
  if (use.type !== 'agent.custom_tool_use')
    return { type: 'user.tool_confirmation', tool_use_id: use.id, result: 'allow' };
  return { type: 'user.custom_tool_result', custom_tool_use_id: use.id, content: [{ type: 'text', text }] };
}
