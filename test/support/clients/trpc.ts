import { EventSource } from 'eventsource';
import WebSocket from 'ws';
import { type CorralClient, createCorralClient, type Event, type Resync } from '../../../src/client/index.ts';
import { type TestServer, testServer } from './http.ts';

export const transports = ['sse', 'ws'] as const;
export type Transport = (typeof transports)[number];

export interface TrpcServer extends TestServer {
  client(transport?: Transport, token?: string): CorralClient;
  /** Cuts every connection, as a proxy or a bad cable can. */
  dropEveryone(): void;
}

/** A real server with real clients; disposing closes both. */
export async function trpcServer(options: Parameters<typeof testServer>[0] = {}): Promise<TrpcServer> {
  const server = await testServer(options);
  const clients: CorralClient[] = [];
  return {
    ...server,
    client(transport = 'sse', token) {
      const client = openClient(server.url, transport, token);
      clients.push(client);
      return client;
    },
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

type Item = Event | Resync;
export interface Subscription {
  readonly items: Item[];
  readonly seqs: () => number[];
  /** Resolves with `complete` or the error when the subscription ends. */
  readonly ended: Promise<unknown>;
  readonly started: Promise<void>;
  /** The number of starts: one more for each connection. */
  readonly starts: () => number;
  unsubscribe(): void;
}

export function followEvents(
  client: CorralClient,
  input: { sessionId: string; lastEventId?: string | null },
): Subscription {
  const items: Item[] = [];
  let starts = 0;
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
