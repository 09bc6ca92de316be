import { EventSource } from 'eventsource';
import WebSocket from 'ws';
import { type CorralClient, createCorralClient, type Event, type Resync } from '../../../src/client/index.ts';
import { testServer } from './http.ts';

export const transports = ['sse', 'ws'] as const;
export type Transport = (typeof transports)[number];

export type TrpcServer = Awaited<ReturnType<typeof trpcServer>>;

/** A real server with real clients; disposing closes both. */
export async function trpcServer(options: Parameters<typeof testServer>[0] = {}) {
  const server = await testServer(options);
  const clients: CorralClient[] = [];
  return {
    ...server,
    client(transport: Transport = 'sse', token?: string) {
      const client = openClient(server.url, transport, token);
      clients.push(client);
      return client;
    },
    /** Cuts every connection, as a proxy or a bad cable can. */
    dropEveryone() {
      for (const socket of server.sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

export function openClient(url: string, transport: Transport, token?: string): CorralClient {
  const classes = { EventSource, WebSocket: WebSocket as unknown as typeof globalThis.WebSocket };
  return createCorralClient({ url, transport, ...classes, ...(token !== undefined && { token }) });
}

export function followEvents(client: CorralClient, input: { sessionId: string; lastEventId?: string | null }) {
  const items: (Event | Resync)[] = [];
  /** One more for each connection. */
  let starts = 0;
  /** `complete`, or the error that ended the subscription. */
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const { unsubscribe } = client.events.subscribe.subscribe(input, {
    onStarted: () => {
      starts++;
      start();
    },
    onData: ({ id, data }) => {
      if (id !== String(data.seq)) end(new Error(`tracked as ${id}, not as ${data.seq}`));
      items.push(data);
    },
    onComplete: () => end('complete'),
    onError: end,
  });
  return { items, seqs: () => items.map(({ seq }) => seq), ended, started, starts: () => starts, unsubscribe };
}
