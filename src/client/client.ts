import {
  createTRPCClient,
  createWSClient,
  httpBatchLink,
  httpSubscriptionLink,
  retryLink,
  splitLink,
  type TRPCClient,
  TRPCClientError,
  type TRPCLink,
  wsLink,
} from '@trpc/client';
import { observable } from '@trpc/server/observable';
import type { AppRouter } from '../api/router.ts';
import { parseServerSentEvents } from '../core/text/server-sent-events.ts';
import { trimEndCharacters } from '../core/text/text.ts';

type EventSourceClass = Exclude<Parameters<typeof httpSubscriptionLink>[0]['EventSource'], undefined>;

export interface CorralClientOptions {
  /** The server's address, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** A token or an API key, if the server requires one. */
  readonly token?: string;
  /** `sse` (default) works through every proxy; `ws` uses one connection for all subscriptions. */
  readonly transport?: 'sse' | 'ws';
  /** Used by the transport `sse`. Default: the platform's class, else the client's own. */
  readonly EventSource?: EventSourceClass;
  /** Used by `ws` on platforms without a WebSocket class, such as Node before 22. */
  readonly WebSocket?: typeof WebSocket;
}

/**
 * A typed client with every procedure of the server. Subscriptions reconnect and continue after the last received
 * event, so no event is lost or repeated. If a subscription without a `lastEventId` breaks before its first event, it
 * starts over, so pass the session's `lastSeq` if that matters. `close` ends all subscriptions and connections.
 *
 * @example
 * using corral = createCorralClient({ url: 'http://127.0.0.1:8000' });
 * const { items } = await corral.sessions.list.query();
 */
export type CorralClient = TRPCClient<AppRouter> & Disposable & { close(): void };

export function createCorralClient(options: CorralClientOptions): CorralClient {
  const { token, transport = 'sse' } = options;
  const url = `${trimEndCharacters(options.url, '/')}/trpc`;
  const headers = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  const ended = new AbortController();
  const refused = () => ended.abort(new Error('The server refused the token.'));
  const streams = transport === 'ws' ? overWebSocket(url, options, refused) : overSse(url, options);
  const client = createTRPCClient<AppRouter>({
    links: [
      splitLink<AppRouter>({
        condition: ({ type }) => type === 'subscription',
        true: [endWith(ended.signal), retryTransient, streams.link],
        false: httpBatchLink({ url, ...headers, maxURLLength: 8_000, maxItems: 100 }),
      }),
    ],
  });
  const close = () => {
    ended.abort(null);
    streams.close();
  };
  return new Proxy(client as CorralClient, {
    get: (target, name, receiver) => {
      if (name === 'close' || name === Symbol.dispose) return close;
      return Reflect.get(target, name, receiver);
    },
  });
}

interface Streams {
  readonly link: TRPCLink<AppRouter>;
  close(): void;
}

/** Browsers cannot set headers on an EventSource or WebSocket. */
const parameters = ({ token }: CorralClientOptions) => (token === undefined ? {} : { connectionParams: { token } });

const chooseEventSource = (options: CorralClientOptions): EventSourceClass =>
  options.EventSource ??
  (globalThis as unknown as { EventSource?: EventSourceClass }).EventSource ??
  (FetchEventSource as unknown as EventSourceClass);

function overSse(url: string, options: CorralClientOptions): Streams {
  const EventSource = chooseEventSource(options);
  return { link: httpSubscriptionLink({ url, EventSource, ...parameters(options) }), close: () => {} };
}

function overWebSocket(url: string, options: CorralClientOptions, refused: () => void): Streams {
  if (!options.WebSocket && typeof WebSocket === 'undefined') {
    throw new Error('This platform has no WebSocket. Pass one to createCorralClient, or leave out transport: "ws".');
  }
  const client = createWSClient({
    url: url.replace(/^http/, 'ws'),
    ...parameters(options),
    ...(options.WebSocket && { WebSocket: options.WebSocket }),
    retryDelayMs: pauseMs,
    onClose: (cause) => {
      if (cause?.code === 1008) refused(); // the server would refuse every further attempt
    },
    lazy: { enabled: true, closeMs: 1_000 }, // so that a program without open subscriptions can exit
    keepAlive: { enabled: true, intervalMs: 20_000, pongTimeoutMs: 10_000 },
  });
  return { link: wsLink({ client }), close: () => void client.close() };
}

const endWith =
  (signal: AbortSignal): TRPCLink<AppRouter> =>
  () =>
  ({ op, next }) =>
    observable((observer) => {
      const end = () => {
        if (signal.reason instanceof Error) observer.error(TRPCClientError.from(signal.reason));
        else observer.complete();
      };
      if (signal.aborted) {
        end();
        return undefined;
      }
      const subscribed = next(op).subscribe(observer);
      signal.addEventListener('abort', end, { once: true });
      return () => {
        signal.removeEventListener('abort', end);
        subscribed.unsubscribe();
      };
    });

const retryTransient: TRPCLink<AppRouter> = retryLink({
  retry: ({ error }) => error.data?.retryable ?? !isRefusal(error),
  retryDelayMs: pauseMs,
});

/** Excludes 429, which only delays the next attempt. */
function isRefusal(error: TRPCClientError<AppRouter>): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  const status = typeof cause?.code === 'number' ? cause.code : undefined;
  return status !== undefined && status >= 400 && status < 500 && status !== 429;
}

/** Random, so that clients do not all reconnect to a restarted server at once. */
function pauseMs(attempt: number): number {
  return Math.min(5_000, 100 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

// Server-sent events over `fetch`, only as far as tRPC's client needs them. An error event's `code` is the response's
// status. Used instead of the package `eventsource`, which gives up on a proxy's 502 and waits a fixed 3 s after each
// break.

type Listener = (event: never) => void;
interface SourceEvent {
  readonly type: string;
  readonly data?: string;
  readonly lastEventId?: string;
  readonly code?: number;
  readonly message?: string;
}
const states = { connecting: 0, open: 1, closed: 2 } as const;
const maxPauseMs = 5_000;

class FetchEventSource {
  static readonly CONNECTING = states.connecting;
  static readonly OPEN = states.open;
  static readonly CLOSED = states.closed;
  readonly CONNECTING = states.connecting;
  readonly OPEN = states.open;
  readonly CLOSED = states.closed;
  readonly url: string;
  readyState: number = states.connecting;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #closed = new AbortController();
  #lastId = '';
  #retryMs = 500;

  constructor(url: string | URL) {
    this.url = String(url);
    void this.#live();
  }

  addEventListener(type: string, listener: Listener): void {
    const all = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, all.add(listener));
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener);
  }

  close(): void {
    this.readyState = states.closed;
    this.#closed.abort();
  }

  async #live(): Promise<void> {
    for (let failures = 0; this.readyState !== states.closed; failures++) {
      const problem = await this.#read(() => (failures = 0)).catch((error: Error) => ({ message: error.message }));
      if (this.#closed.signal.aborted) return;
      const isRefused = problem !== undefined && 'code' in problem;
      this.readyState = isRefused ? states.closed : states.connecting;
      this.#dispatch({ type: 'error', ...problem });
      if (!isRefused) await this.#pause(Math.min(maxPauseMs, this.#retryMs * 2 ** Math.min(failures, 6)));
    }
  }

  /** Resolves with undefined at the end of the stream, or with the status and a message if the server refuses. */
  async #read(opened: () => void): Promise<{ code: number; message: string } | undefined> {
    const headers = { accept: 'text/event-stream', ...(this.#lastId !== '' && { 'last-event-id': this.#lastId }) };
    const response = await fetch(this.url, { headers, cache: 'no-store', signal: this.#closed.signal });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
    if (!response.ok || !isStream || !response.body) {
      await response.body?.cancel();
      if (response.status >= 500 || response.status === 429) throw new Error(`the server answers ${response.status}`);
      return { code: response.status, message: `the server answers ${response.status}` };
    }
    opened();
    this.readyState = states.open;
    this.#dispatch({ type: 'open' });
    for await (const { type, data, id, retry } of parseServerSentEvents(response.body)) {
      this.#lastId = id ?? this.#lastId;
      this.#retryMs = retry ?? this.#retryMs;
      if (data !== undefined) this.#dispatch({ type, data, lastEventId: this.#lastId });
    }
    return undefined;
  }

  #dispatch(event: SourceEvent): void {
    for (const listener of this.#listeners.get(event.type) ?? []) listener(event as never);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms * (0.5 + Math.random() / 2));
      this.#closed.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
