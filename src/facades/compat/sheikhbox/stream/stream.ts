import type { FastifyReply } from 'fastify';
import type { LogUpdate } from '../../../../core/contracts/ports.ts';
import { toAppError } from '../../../../core/errors/errors.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import { openSse, type SseStream } from '../../../../http/transport/sse.ts';
import type { SheikhboxContext } from '../context.ts';
import { createResyncEvent } from './events.ts';
import { toSheikhboxFrame } from './frames.ts';
import { hasStreamEnded, isStreamEnd, type StreamBounds } from './stream-end.ts';

/** User messages are never streamed back. */
export function streamChat(
  reply: FastifyReply,
  id: SessionId,
  streamPlan: StreamBounds,
  context: SheikhboxContext,
): Promise<void> {
  const { sessions } = context;
  let plan = streamPlan;
  return watched(reply, id, context, async (stream) => {
    const isEnded = await hasStreamEnded(sessions, id, plan, plan.after);
    // a cursor ahead of the log gets a resync below
    if (isEnded && plan.after <= (await sessions.page(id, plan.after, 1)).head) return;
    for await (const item of sessions.follow(id, plan.after, { signal: stream.gone, deltas: false })) {
      if (item.kind === 'resync') {
        await sayResync(stream, item, context);
        // the cursor may be ahead of the log
        plan = { ...plan, until: { ...plan.until, after: Math.min(plan.until.after, item.head) } };
        if (await hasStreamEnded(sessions, id, plan, item.head)) return;
        continue;
      }
      const end = item.events.findIndex((event) => isStreamEnd(event, plan));
      const events = end < 0 ? item.events : item.events.slice(0, end + 1);
      await writeFrames(
        stream,
        events.filter(({ type }) => type !== 'message.user'),
        context,
      );
      if (end >= 0) return;
    }
  });
}

export function streamEvents(
  reply: FastifyReply,
  id: SessionId,
  after: number,
  context: SheikhboxContext,
): Promise<void> {
  return watched(reply, id, context, async (stream) => {
    for await (const item of context.sessions.follow(id, after, { signal: stream.gone, deltas: false })) {
      if (item.kind === 'resync') {
        await sayResync(stream, item, context);
        continue;
      }
      const full = writeFrames(stream, item.events, context);
      if (full) await full;
    }
  });
}

function writeFrames(
  stream: SseStream,
  events: readonly SessionEvent[],
  { infos, frameOf }: SheikhboxContext,
): Promise<void> | undefined {
  const write = () => stream.writeAll(events.map(frameOf).filter((frame) => frame !== undefined));
  const learning = infos.learn(events);
  return learning ? learning.then(write) : write();
}

async function sayResync(stream: SseStream, item: Extract<LogUpdate, { kind: 'resync' }>, { clock }: SheikhboxContext) {
  await stream.write(toSheikhboxFrame(createResyncEvent(item, clock.now())));
}

/** Destroys the connection on failure, because the status has already been sent. */
async function watched(
  reply: FastifyReply,
  id: SessionId,
  { sessions, sse, logger }: SheikhboxContext,
  run: (stream: SseStream) => Promise<void>,
): Promise<void> {
  using stream = openSse(reply, sse);
  try {
    using _watching = sessions.watching(id);
    await run(stream);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (stream.gone.aborted || error.code === 'session_not_found') return;
    logger.error({ err: error, sessionId: id }, 'a stream failed');
    stream.destroy();
  }
}
