import { setTimeout as pause } from 'node:timers/promises';
import { startChild } from '../lib/calls/child-process.ts';
import { timedPost, waitingClient } from '../lib/calls/exchange.ts';
import { freshFolder } from '../lib/calls/folder.ts';
import { sessionClient } from '../lib/corral/client.ts';
import { startServer } from '../lib/corral/server.ts';
import { watchGenerator } from '../lib/measure/generator.ts';
import { type Pair, type SideRound, timedRow } from '../lib/measure/measure.ts';

// First event: from the first byte of a POST to the message's first SSE event at a waiting client. The subject is the
// whole server as users start it, with durable appends. The clients run in this process.

const betweenMs = 10;

export const firstEvent = timedRow({
  name: 'first-event',
  title: 'a message until its first event at a reader',
  peer: 'raw-fastify-post-sse, with the same fsync',
  max: 2,
  quickMs: 13_000,
  open: (stack, mode) => openPair(stack, mode === 'quick' ? 40 : 300),
});

async function openPair(stack: AsyncDisposableStack, count: number): Promise<Pair> {
  const sessions = stack.use(sessionClient(stack.use(await startServer({ CORRAL_DRIVER: 'process' }))));
  const folder = stack.use(await freshFolder());
  const raw = stack.use(await startChild('raw-sse', { dataDir: folder.path, store: 'full' }));
  const rawUrl = await raw.call<string>('listen');
  let messages = 0;
  return {
    async subject() {
      // The session's sandbox is ready already: the row does not need it, and its start would disturb the measurement.
      const session = await sessions.started();
      const url = sessions.urlOf(session);
      using client = await waitingClient(`${url}/events`);
      // The run fails at once, on purpose: the row does not measure it, so it needs no sandbox.
      const say = (tag: string) => timedPost(`${url}/chat`, { message: `${tag}\n\`\`\`fail\nenough\n\`\`\`` });
      const taken = await round(count, client, say);
      await sessions.remove(session);
      return taken;
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
