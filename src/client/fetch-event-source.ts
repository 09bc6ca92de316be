import { serverSentEvents } from '../core/text/server-sent-events.ts';

// Server-sent events over `fetch`, for platforms without an EventSource, such as Node. Has only the parts that tRPC's
// client uses; the status of a failed answer is the error event's `code`. The package `eventsource` gives up on a 502,
// which a proxy returns while the server restarts, and waits a fixed 3 s after each break.

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

export class FetchEventSource {
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

  /** Resolves at the end of the stream, or with the status of a refusal. */
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
    for await (const { type, data, id, retry } of serverSentEvents(response.body)) {
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
