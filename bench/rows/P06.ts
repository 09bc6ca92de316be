import { setTimeout as pause } from 'node:timers/promises';
import { startChild } from '../lib/child-process.ts';
import { timedPost, waitingClient } from '../lib/exchange.ts';
import { freshFolder } from '../lib/folder.ts';
import { watchGenerator } from '../lib/generator.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row, type SideRound } from '../lib/measure.ts';
import { startServer } from '../lib/server.ts';

// First event: from the first byte of a POST to the message's first SSE event at a waiting client. The subject is the
// whole server as users start it, with durable appends. The clients run in this process.

export const P06: Row = {
  id: 'P06',
  title: 'first event after a message',
  missing: nothingMissing,
  experiments: (mode) => [experiment('none', mode), experiment('full', mode)],
};

const betweenMs = 10;
type Append = 'none' | 'full';

function experiment(peerAppend: Append, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    id: 'P06',
    variant: { peerAppend },
    ...{ unit: 'ms', better: 'lower', subject: 'corral', peer: 'raw-fastify-post-sse', feels: 'noise' },
    // The price of the disk's sync is stated, and the target is for the same durability on both sides.
    goals: [{ stat: 'p50', level: 'lead', ...(peerAppend === 'full' && { max: 2 }) }],
    rounds: { warmUp: 2, min: 6, max: quick ? 10 : 40, capMs: quick ? 13_000 : 300_000 },
    open: () => openPair(peerAppend, quick ? 40 : 300),
  };
}

async function openPair(peerAppend: Append, count: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await startServer({ CORRAL_DRIVER: 'process' }));
  const folder = stack.use(await freshFolder());
  const store = peerAppend === 'full' ? 'full' : 'memory';
  const raw = stack.use(await startChild('raw-sse', { dataDir: folder.path, store }));
  const rawUrl = await raw.call<string>('listen');
  let messages = 0;
  const held = stack.move();
  return {
    async subject() {
      await using session = await openSession(url);
      using client = await waitingClient(`${session.url}/events`);
      // The run fails at once, on purpose: the row does not measure it, so it needs no sandbox.
      const say = (tag: string) => timedPost(`${session.url}/chat`, { message: `${tag}\n\`\`\`fail\nenough\n\`\`\`` });
      return await round(count, client, say);
    },
    async peer() {
      using client = await waitingClient(`${rawUrl}/events`);
      return await round(count, client, (tag) => timedPost(`${rawUrl}/say`, { message: tag }));
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };

  async function round(
    times: number,
    client: Awaited<ReturnType<typeof waitingClient>>,
    post: (tag: string) => ReturnType<typeof timedPost>,
  ): Promise<SideRound> {
    const load = watchGenerator();
    const samples: number[] = [];
    for (let n = 0; n < times; n++) {
      const tag = `message-${++messages}-`;
      const heard = client.hears(tag);
      const { sentAt, answer } = await post(tag);
      if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`it answered ${answer.slice(0, 300)}`);
      samples.push((await heard) - sentAt);
      await pause(betweenMs); // lets the last run's end be written and compacted, as between the messages of a person
    }
    return { samples, generator: load.stop() };
  }
}

/**
 * A session whose sandbox is ready already. The measurement does not need the sandbox, but its start would disturb it.
 */
async function openSession(server: string): Promise<{ url: string } & AsyncDisposable> {
  const made = await fetch(`${server}/api/v1/sessions`, { method: 'PUT' });
  const { data } = (await made.json()) as { data: { session_id: string } };
  const url = `${server}/api/v1/sessions/${data.session_id}`;
  await timedPost(`${url}/chat`, { message: 'Wait for the sandbox\n```sh\ntrue\n```' });
  return { url, [Symbol.asyncDispose]: async () => void (await fetch(url, { method: 'DELETE' })) };
}
