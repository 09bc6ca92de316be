import type { FastifyReply } from 'fastify';
import { toAppError } from '../../../../core/errors/errors.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { openSse, type SseContext, toSseFrame } from '../../../../http/transport/sse.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError, toErrorBody } from '../errors.ts';
import { toIsoTime } from '../wire.ts';
import { thoughtPartNumber, toApiEventId, toApiMessageId } from './ids.ts';
import type { ManagedEvent, ThreadProjection } from './projection.ts';
import type { SessionReader } from './reader.ts';
import { followThreads } from './threads/follow.ts';
import type { ThreadEvent } from './threads/session-projection.ts';

interface StreamRequest {
  readonly record: SessionRecord;
  readonly thread: SessionId;
  readonly deltas: readonly string[];
  readonly reply: FastifyReply;
  readonly requestId: string;
}
interface Deps {
  readonly sessions: Services['sessions'];
  readonly reader: SessionReader;
  readonly sse: SseContext;
}
const previewed = ['agent.message', 'agent.thinking'];
export function validateDeltaTypes(requested: readonly string[]): readonly string[] {
  const other = requested.find((type) => !previewed.includes(type));
  if (other !== undefined)
    throw invalidRequestError(`event_deltas: ${other} has no previews; ${previewed.join(' and ')} have.`);
  return requested;
}

/** The session or the thread is archived, so its stream ends. */
const isLast = /^session\.(thread_)?status_terminated$/;
const frameOf = (event: { readonly type: string }) => toSseFrame({ event: event.type, data: event });

/** The events of a thread from now on, until its session ends or the client disconnects. */
export async function streamEvents(
  { record, thread, deltas, reply, requestId }: StreamRequest,
  deps: Deps,
): Promise<void> {
  const { sessions, reader, sse } = deps;
  // The position is fixed before the headers are sent, so that the stream includes everything that the client does afterwards.
  const projection = await reader.own(record, sessions);
  using stream = openSse(reply, sse);
  const previews = new Previews(projection.of(thread), deltas);
  try {
    const toFrames = (source: SessionEvent, events: readonly ThreadEvent[]) => {
      const own = events.flatMap((one) => (one.thread === thread ? [one.event] : []));
      return [...own, ...(source.sessionId === thread ? previews.of(source) : [])];
    };
    const following = followThreads({ projection, sessions, shown: thread, signal: stream.gone, convert: toFrames });
    for await (const events of following) {
      if (!events) return stream.destroy(); // the client opens a new stream and lists the events it missed
      if (events.length > 0) await stream.writeAll(events.map(frameOf));
      if (events.some(({ type }) => isLast.test(type))) return;
    }
    if (stream.gone.aborted) return;
    const isGone = await sessions.get(record.id).then(
      () => false,
      (thrown: unknown) => toAppError(thrown).code === 'session_not_found',
    );
    const last = {
      id: toApiEventId(record.id, projection.seqOf(record.id) + 1),
      processed_at: toIsoTime(sse.clock.now()),
    };
    if (isGone) await stream.write(frameOf({ ...last, type: 'session.deleted' } as ManagedEvent));
  } catch (thrown) {
    const error = toAppError(thrown);
    if (!stream.gone.aborted)
      await stream.write(toSseFrame({ event: 'error', data: toErrorBody(500, error, requestId) }));
  }
}

/** Previews of a thread's texts. A text that began before the stream opened has no preview. */
class Previews {
  readonly #projection: ThreadProjection;
  readonly #requested: readonly string[];
  readonly #started = new Set<string>();
  readonly #opened: string | undefined;

  constructor(projection: ThreadProjection, requested: readonly string[]) {
    this.#projection = projection;
    this.#requested = requested;
    this.#opened = projection.openMessage;
  }

  of(event: SessionEvent): { readonly type: string }[] {
    if (event.type !== 'message.delta' || !this.#projection.shows) return [];
    const { messageId, text, thought } = event.data;
    if (this.#opened === messageId) return [];
    const thinking = { type: 'agent.thinking', id: toApiMessageId(messageId, thoughtPartNumber) };
    const thoughts =
      thought && this.#requested.includes(thinking.type) ? [{ type: 'event_start', event: thinking }] : [];
    if (!this.#requested.includes('agent.message')) return thoughts;
    const id = toApiMessageId(messageId);
    const start = this.#started.has(id) ? [] : [{ type: 'event_start', event: { type: 'agent.message', id } }];
    this.#started.add(id);
    const delta = { type: 'content_delta', index: 0, content: { type: 'text', text } };
    return [...thoughts, ...start, { type: 'event_delta', event_id: id, delta } as { type: string }];
  }
}
