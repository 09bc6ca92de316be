import type { SessionId } from '../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { SseContext } from '../../../../http/transport/sse.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import type { ApiRequest } from '../route.ts';
import { paginate, type QueryParameters, withoutPreviousPage } from '../wire.ts';
import { EventListCache } from './event-lists.ts';
import type { SessionReader } from './reader.ts';
import { streamEvents, validateDeltaTypes } from './stream.ts';

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
