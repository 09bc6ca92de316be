import type { Connection } from './connection.ts';
import { toCorralError } from './errors.ts';
import type { Event } from './types.ts';

const maxWaiting = 1_000;

/** Yields events after `afterSeq` until the session is deleted. Reconnects if the stream breaks or the reader lags. */
export async function* followEvents(
  server: Connection,
  sessionId: string,
  afterSeq: number,
): AsyncGenerator<Event, void> {
  let isOver = false;
  for (let seq = afterSeq; !isOver; ) {
    for await (const next of oneConnection(server, sessionId, seq)) {
      if (next === 'over') isOver = true;
      else {
        seq = next.seq;
        yield next;
      }
    }
  }
}

/** Yields `over` when the server ends the subscription. Ends without `over` when too many events are unread. */
async function* oneConnection(
  server: Connection,
  sessionId: string,
  afterSeq: number,
): AsyncGenerator<Event | 'over', void> {
  const waiting: (Event | 'over')[] = [];
  let wake = () => {};
  let end: { readonly error?: Error } | undefined;
  const finish = (how: { readonly error?: Error }) => {
    end ??= how;
    wake();
  };
  const watching = server.api.events.subscribe.subscribe(
    { sessionId, lastEventId: String(afterSeq) },
    {
      onData({ data }) {
        // a resync is ignored: events that the log has dropped cannot be yielded
        if (data.type === 'resync' || end) return;
        waiting.push(data);
        if (waiting.length < maxWaiting) return wake();
        watching.unsubscribe();
        finish({});
      },
      onError: (thrown) => finish({ error: toCorralError(thrown, server.address) }),
      onComplete() {
        if (!end) waiting.push('over');
        finish({});
      },
    },
  );
  try {
    for (;;) {
      const event = waiting.shift();
      if (event) yield event;
      else if (end?.error) throw end.error;
      else if (end) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    watching.unsubscribe();
  }
}
