import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomIds, type SessionId } from '../../src/core/ids.ts';
import type { Store } from '../../src/core/ports.ts';
import { sqliteStore } from '../../src/store/sqlite/store.ts';
import { startChild } from '../lib/child-process.ts';
import { openSse, timedPost } from '../lib/exchange.ts';
import { freshFolder } from '../lib/folder.ts';
import { monotonicMs, watchGenerator } from '../lib/generator.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row, type SideRound } from '../lib/measure.ts';
import { type ModelClock, markOf, modelClock, type RunTimes } from '../lib/model-clock.ts';
import { startServer } from '../lib/server.ts';
import { addSession } from '../lib/sessions.ts';

// The agent loop's own time, in a conversation that begins short or long. The model, the tool (a search) and the
// subscriber are in this process. `requests`: from the model's last byte to its next request, without the search.
// `event`: from the last byte of the search's result to the event at the subscriber.

const spans = ['requests', 'event'] as const;
type Span = (typeof spans)[number];

export const P75: Row = {
  id: 'P75',
  title: "the loop's own time",
  missing: nothingMissing,
  experiments: (mode) => [10, 2_000].flatMap((history) => spans.map((span) => experiment({ span, history }, mode))),
};

interface Variant {
  readonly span: Span;
  readonly history: number;
}
function experiment(variant: Variant, mode: Mode): Experiment {
  const quick = mode === 'quick';
  const rounds = { warmUp: 2, min: 6, max: quick ? 10 : 30, capMs: quick ? 25_000 : 200_000 };
  return {
    ...{ id: 'P75', variant: { ...variant }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: 'bare-loop', rounds },
    goals: [
      { stat: 'p50', max: 1.5, level: 'lead' },
      { stat: 'p99', max: 1.5, level: 'lead' },
    ],
    open: () => openPair(variant, quick ? 40 : 100, rounds.warmUp + rounds.max),
  };
}

async function openPair({ span, history }: Variant, turns: number, rounds: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await freshFolder());
  const clock = stack.use(await modelClock());
  const dataDir = join(path, 'd');
  const sessions = await withHistory(dataDir, history, rounds);
  const server = stack.use(await startServer({ ...settingsOf(clock), CORRAL_DATA_DIR: dataDir }));
  const raw = stack.use(await startChild('bare-loop', { dataDir: path }));
  const rawUrl = await raw.call<string>('listen');
  let body = '';
  const side = async (events: string, plans: boolean, act: () => Promise<unknown>): Promise<SideRound> => {
    const load = watchGenerator();
    using heard = await marks(events);
    const run = clock.play(turns, { plans });
    await act();
    const times = run.over();
    if (plans) body = times.firstBody;
    return { samples: span === 'requests' ? times.loop : heard.after(times), generator: load.stop() };
  };
  const subject = () => {
    const url = `${server.url}/api/v1/sessions/${sessions.pop()}`;
    return side(`${url}/events`, true, () => timedPost(`${url}/chat`, { message: 'Search it.' }));
  };
  const held = stack.move();
  return {
    subject,
    async peer() {
      if (body === '') await subject(); // the peer begins with the same conversation
      return await side(rawUrl, false, () => raw.call('run', { url: clock.url, body }));
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const settingsOf = ({ url }: ModelClock): Record<string, string> => ({
  ...{ CORRAL_DRIVER: 'memory', CORRAL_EGRESS_POLICY: 'none', CORRAL_MODEL: 'local/bench', CORRAL_MAX_STEPS: '1000' },
  ...{ CORRAL_SEARCH_ENGINE: 'searxng', CORRAL_SEARCH_BASE_URL: url, LOG_LEVEL: 'error' },
  CORRAL_MODELS_COMPATIBLE: JSON.stringify({ local: { 'base-url': `${url}/v1` } }),
  CORRAL_MODELS_CATALOG: JSON.stringify({ 'local/bench': { window: 10_000_000, 'max-output': 4_096 } }),
});

/** A subscriber that notes when the event of each turn's result arrives. */
async function marks(url: string): Promise<{ after(times: RunTimes): number[] } & Disposable> {
  const socket = await openSse(url);
  const heard: number[] = [];
  let rest = '';
  socket.on('data', (chunk: string) => {
    const at = monotonicMs();
    rest += chunk;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      if (rest.slice(0, end).includes(markOf(heard.length))) heard.push(at);
      rest = rest.slice(end + 2);
    }
  });
  return {
    after({ searched }) {
      if (heard.length < searched.length) throw new Error(`${heard.length} of ${searched.length} events came`);
      return searched.map((at, n) => (heard[n] ?? Number.NaN) - at);
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** Sessions whose conversation has so many messages, as an earlier server would have left them. */
async function withHistory(dataDir: string, messages: number, count: number): Promise<SessionId[]> {
  await mkdir(dataDir, { mode: 0o700 });
  await using store = await sqliteStore({ path: join(dataDir, 'corral.db') });
  const ids = randomIds();
  const made: SessionId[] = [];
  for (let n = 0; n <= count; n++) {
    const id = await addSession({ store, ids });
    await remember(store, id, messages);
    made.push(id);
  }
  return made;
}

async function remember(store: Store, sessionId: SessionId, messages: number): Promise<void> {
  const puts = Array.from({ length: messages }, (_, n) => ({
    ...{ kind: 'transcript', id: `${sessionId}:${String(n).padStart(8, '0')}`, sort: n },
    doc: { runId: 'run-before', message: messageOf(n) },
  }));
  const fact = { type: 'title', runId: null, data: { title: 'Searches' } } as const;
  await store.events.append({ sessionId, after: 1, at: Date.now(), facts: [fact], puts });
}

/** Every fourth message is a user's; the others are a call, its result, and the answer. */
function messageOf(n: number): object {
  const text = `${n} ${'A sentence of usual length about the work. '.repeat(4)}`;
  const call = { callId: `call-${n - (n % 4)}`, name: 'web_search', args: { query: `old ${n}` } };
  const reply = { role: 'assistant', model: 'local/bench', raw: [] };
  if (n % 4 === 0) return { role: 'user', text };
  if (n % 4 === 1) return { ...reply, text: '', calls: [call] };
  if (n % 4 === 2) return { role: 'tool', callId: call.callId, name: call.name, output: text, success: true };
  return { ...reply, text, calls: [] };
}
