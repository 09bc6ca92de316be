import { setTimeout as pause } from 'node:timers/promises';
import { startProgram } from '../lib/calls/child-process.ts';
import { createTempFolder } from '../lib/calls/folder.ts';
import { createHttpCalls } from '../lib/calls/http-calls.ts';
import { openSse } from '../lib/calls/open-sse.ts';
import { TextWatch } from '../lib/calls/text-watch.ts';
import { startServerWithClient } from '../lib/corral/client.ts';
import { monotonicMs, watchGenerator } from '../lib/measure/generator.ts';
import { createTimedRow, type ExperimentSides, type RoundResult } from '../lib/measure/measure.ts';

// From the request to the message's first SSE event at a waiting client. The subject is the whole server as users start
// it, with durable appends. The clients run in this process.

const betweenMs = 10;

export const firstEvent = createTimedRow({
  name: 'first-event',
  title: 'a message until its first event at a reader',
  peer: 'raw-fastify-post-sse, with the same fsync',
  max: 2,
  quickMs: 13_000,
  open: (stack, mode) => openPair(stack, mode === 'quick' ? 40 : 300),
});

async function openPair(stack: AsyncDisposableStack, count: number): Promise<ExperimentSides> {
  const sessions = await startServerWithClient(stack, { CORRAL_DRIVER: 'process' });
  const folder = stack.use(await createTempFolder());
  const raw = stack.use(await startProgram('raw-sse', { dataDir: folder.path, store: 'full' }));
  const rawUrl = await raw.call<string>('listen');
  const rawCalls = stack.use(createHttpCalls(new URL(rawUrl).origin));
  let messages = 0;
  return {
    async subject() {
      // Start the sandbox before the round, because its start would disturb the measurement.
      const session = await sessions.started();
      // The run fails immediately on purpose: the row measures only its first event, which needs no sandbox.
      const send = (tag: string) => sessions.chat(session, `${tag}\n\`\`\`fail\nenough\n\`\`\``);
      const round = await takeRound(`${sessions.urlOf(session)}/events`, send);
      await sessions.remove(session);
      return round;
    },
    peer: () => takeRound(rawUrl, (tag) => rawCalls.ask('/say', { message: tag })),
  };

  async function takeRound(events: string, send: (tag: string) => Promise<unknown>): Promise<RoundResult> {
    const socket = await openSse(events);
    const watch = new TextWatch();
    socket.on('data', (chunk) => watch.hear(String(chunk)));
    const load = watchGenerator();
    const samples: number[] = [];
    for (let n = 0; n < count; n++) {
      const tag = `message-${++messages}-`;
      const shown = watch.shows(tag);
      const from = monotonicMs();
      const sent = send(tag);
      samples.push((await shown) - from);
      await sent;
      await pause(betweenMs); // time to write and compact the last run's end, as between a person's messages
    }
    socket.destroy();
    return { samples, generator: load.stop() };
  }
}
