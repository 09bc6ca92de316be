import type { FastifyReply } from 'fastify';
import { combineSignals } from '../../../../core/concurrency/cancel.ts';
import type { LogUpdate } from '../../../../core/contracts/ports.ts';
import { toAppError } from '../../../../core/errors/errors.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { openSse, type SseContext, toSseFrame } from '../../../../http/transport/sse.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError, toErrorBody } from '../errors.ts';
import type { ApiRequest } from '../route.ts';
import { paginate, type QueryParameters, toIsoTime, withoutPreviousPage } from '../wire.ts';
import { EventListCache } from './event-lists.ts';
import { thoughtPartNumber, toApiEventId, toApiMessageId } from './ids.ts';
import type { ManagedEvent, ThreadProjection } from './projection.ts';
import { addEventToProjection, type SessionReader } from './reader.ts';
import type { SessionProjection, ThreadEvent } from './threads/session-projection.ts';

interface Deps {
  readonly sessions: Services['sessions'];
  readonly reader: SessionReader;
  readonly sse: SseContext;
}
interface ThreadOfSession {
  readonly session: SessionRecord;
  readonly thread: SessionId;
}

export function createEventRouteHandlers({ sessions, reader, sse }: Deps) {
  const lists = new EventListCache(sse);
  return {
    async listed({ session, thread }: ThreadOfSession, query: QueryParameters) {
      const order = query.order('asc');
      const isWithin = query.within('created_at');
      const types = query.all('types');
      const events = await lists.of({ session, thread }, sessions);
      const chosen = events.filter(
        ({ type, processed_at: at }) =>
          (types.length === 0 || types.includes(type)) && (at === null || isWithin(Date.parse(at))),
      );
      if (order === 'desc') chosen.reverse();
      const limit = query.integer('limit', { min: 1, max: 1_000, usual: 1_000 });
      return withoutPreviousPage(
        paginate(chosen, { limit, page: query.one('page'), name: `events ${thread} ${order}` }),
      );
    },
    async stream({ session, thread }: ThreadOfSession, { query, reply, request }: ApiRequest) {
      const deltas = validateDeltaTypes(query.all('event_deltas'));
      // refuses callers without read access while an HTTP status can still be sent
      await sessions.page(session.id, 0, 1);
      const requested = { record: session, thread, deltas, reply, requestId: request.id };
      return await streamEvents(requested, { sessions, reader, sse });
    },
  };
}
export type EventRouteHandlers = ReturnType<typeof createEventRouteHandlers>;

interface StreamRequest {
  readonly record: SessionRecord;
  readonly thread: SessionId;
  readonly deltas: readonly string[];
  readonly reply: FastifyReply;
  readonly requestId: string;
}
const previewed = ['agent.message', 'agent.thinking'];
function validateDeltaTypes(requested: readonly string[]): readonly string[] {
  const other = requested.find((type) => !previewed.includes(type));
  if (other !== undefined)
    throw invalidRequestError(`event_deltas: ${other} has no previews; ${previewed.join(' and ')} have.`);
  return requested;
}

/** Matches the event that ends a stream after the session or thread is archived. */
const isLast = /^session\.(thread_)?status_terminated$/;
const frameOf = (event: { readonly type: string }) => toSseFrame({ event: event.type, data: event });

async function streamEvents({ record, thread, deltas, reply, requestId }: StreamRequest, deps: Deps): Promise<void> {
  const { sessions, reader, sse } = deps;
  // Read before the headers are sent, so the stream includes what the client does afterwards.
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
      if (!events) return stream.destroy(); // the client must reconnect and list the missed events
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

/** Excludes text that began to arrive before the stream opened. */
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

interface ThreadReader<Output> {
  readonly projection: SessionProjection;
  readonly sessions: Services['sessions'];
  /** The thread whose text is streamed as it arrives. */
  readonly shown: SessionId;
  readonly signal: AbortSignal;
  /** Called before the next event is added. */
  readonly convert: (source: SessionEvent, events: readonly ThreadEvent[]) => readonly Output[];
}
interface Step {
  readonly thread: SessionId;
  readonly next: IteratorResult<LogUpdate>;
}

/**
 * Also follows new children's logs. Ends when the primary thread's log ends. Yields undefined if a log can no longer be followed.
 */
async function* followThreads<Output>({
  projection,
  sessions,
  shown,
  signal,
  convert,
}: ThreadReader<Output>): AsyncGenerator<readonly Output[] | undefined> {
  const end = new AbortController();
  const until = combineSignals([signal, end.signal]);
  const [primary] = projection.threads;
  const logs = new Map<SessionId, AsyncIterator<LogUpdate>>();
  const steps = new Map<SessionId, Promise<Step>>();
  const advance = (thread: SessionId, log: AsyncIterator<LogUpdate>) => {
    const step = log.next().then((next) => ({ thread, next }));
    step.catch(() => {}); // the reader gets the error when it awaits the step
    steps.set(thread, step);
  };
  try {
    for (;;) {
      for (const thread of projection.threads) {
        if (logs.has(thread)) continue;
        const options = { signal: until, deltas: thread === shown };
        const log = sessions.follow(thread, projection.seqOf(thread), options)[Symbol.asyncIterator]();
        logs.set(thread, log);
        advance(thread, log);
      }
      const { thread, next } = await Promise.race(steps.values());
      steps.delete(thread);
      if (next.done && thread === primary) return;
      if (next.done) {
        projection.forget(thread);
        continue;
      }
      if (next.value.kind === 'resync') {
        yield undefined;
        return;
      }
      const outputs: Output[] = [];
      for (const source of next.value.events)
        outputs.push(...convert(source, await addEventToProjection(projection, source, sessions)));
      const log = logs.get(thread);
      if (log) advance(thread, log);
      yield outputs;
    }
  } finally {
    end.abort();
  }
}
