import { setTimeout as pause } from 'node:timers/promises';
import { startChild } from '../lib/calls/child-process.ts';
import { timedPost, waitingClient } from '../lib/calls/exchange.ts';
import { freshFolder } from '../lib/calls/folder.ts';
import { startServer } from '../lib/corral/server.ts';
import { watchGenerator } from '../lib/measure/generator.ts';
import { type Pair, type Row, roundsWithin, type SideRound, timed } from '../lib/measure/measure.ts';

// First event: from the first byte of a POST to the message's first SSE event at a waiting client. The subject is the
// whole server as users start it, with durable appends. The clients run in this process.

const betweenMs = 10;

export const firstEvent: Row = {
  name: 'first-event',
  title: 'a message until its first event at a reader',
  experiments: (mode) => [
    {
      ...timed,
      variant: {},
      peer: 'raw-fastify-post-sse, with the same fsync',
      goals: [{ stat: 'p50', max: 2 }],
      rounds: roundsWithin(mode, 13_000),
      open: (stack) => openPair(stack, mode === 'quick' ? 40 : 300),
    },
  ],
};

async function openPair(stack: AsyncDisposableStack, count: number): Promise<Pair> {
  const { url } = stack.use(await startServer({ CORRAL_DRIVER: 'process' }));
  const folder = stack.use(await freshFolder());
  const raw = stack.use(await startChild('raw-sse', { dataDir: folder.path, store: 'full' }));
  const rawUrl = await raw.call<string>('listen');
  let messages = 0;
  return {
    async subject() {
      await using session = await openSession(url);
      using client = await waitingClient(`${session.url}/events`);
      // The run fails at once, on purpose: the row does not measure it, so it needs no sandbox.
      const say = (tag: string) => timedPost(`${session.url}/chat`, { message: `${tag}\n\`\`\`fail\nenough\n\`\`\`` });
      return await round(count, client, say);
    },
    async peer() {
      using client = await waitingClient(rawUrl);
      return await round(count, client, (tag) => timedPost(new URL('/say', rawUrl).href, { message: tag }));
    },
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
