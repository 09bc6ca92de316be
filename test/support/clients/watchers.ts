import { setTimeout as sleep } from 'node:timers/promises';
import { EventSource } from 'eventsource';
import WebSocket from 'ws';
import { createCorralClient } from '../../../src/client/index.ts';

/** One thing that a client saw: its name, and the seq of the event behind it. */
export interface SeenEntry {
  readonly seq: number;
  readonly name: string;
}
export interface Watcher extends Disposable {
  readonly seen: SeenEntry[];
}

/** A WebSocket client that reconnects after its last seq, as the facades' clients do. */
export function socketWatcher(url: string): Watcher {
  const seen: SeenEntry[] = [];
  const stop = new AbortController();
  let socket: WebSocket | undefined;
  const connect = async () => {
    while (!stop.signal.aborted) {
      const after = seen.at(-1)?.seq ?? 0;
      const closed = Promise.withResolvers<void>();
      socket = new WebSocket(`${url}${url.includes('?') ? '&' : '?'}after_seq=${after}`);
      socket.on('message', (data) => {
        const frame = JSON.parse(String(data)) as { seq?: number; type: string };
        if (frame.seq !== undefined && frame.type !== 'connection_established')
          seen.push({ seq: frame.seq, name: frame.type });
      });
      socket.on('error', () => {}).on('close', () => closed.resolve());
      await closed.promise;
      await sleep(50);
    }
  };
  void connect();
  return {
    seen,
    [Symbol.dispose]: () => {
      stop.abort();
      socket?.terminate();
    },
  };
}

/** An EventSource: it reconnects by itself, with the last id it saw. */
export function sseWatcher(url: string, names: readonly string[]): Watcher {
  const seen: SeenEntry[] = [];
  const source = new EventSource(url);
  for (const name of names) {
    source.addEventListener(name, (event) => {
      // Errors of the connection itself have no data.
      if ('data' in event && event.data !== undefined) seen.push({ seq: Number(event.lastEventId), name });
    });
  }
  return { seen, [Symbol.dispose]: () => source.close() };
}

export function trpcWatcher(url: string, sessionId: string, transport: 'sse' | 'ws'): Watcher {
  const seen: SeenEntry[] = [];
  const client = createCorralClient({ url, transport, EventSource: EventSource as never });
  const subscription = client.events.subscribe.subscribe(
    { sessionId, lastEventId: '0' },
    {
      onData: ({ id, data }) => void seen.push({ seq: Number(id), name: (data as { type: string }).type }),
      onError: () => {}, // the client reconnects by itself
    },
  );
  return {
    seen,
    [Symbol.dispose]: () => {
      subscription.unsubscribe();
      client.close();
    },
  };
}
