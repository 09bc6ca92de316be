// One WebSocket to the server for calls and subscriptions (tRPC's wire). After a break it reconnects by itself:
// subscriptions resume after their last event, and repeatable calls are sent again.

const firstPauseMs = 400;
const longestPauseMs = 8_000;

interface WireError {
  readonly message?: string;
  readonly data?: { readonly code?: string; readonly retryable?: boolean };
}

export class CallFailed extends Error {
  readonly code: string | undefined;
  readonly retryable: boolean;

  constructor({ message = 'It did not work.', data = {} }: WireError = {}) {
    super(message);
    this.code = data.code;
    this.retryable = data.retryable === true;
  }
}

export interface Hearer {
  onData(data: unknown): void;
  onError?(error: CallFailed): void;
  onEnd?(): void;
}
interface Subscription extends Hearer {
  readonly path: string;
  readonly input: () => unknown;
}
interface Call {
  readonly message: object;
  readonly repeat: boolean;
  sent: boolean;
  readonly resolve: (data: unknown) => void;
  readonly reject: (error: CallFailed) => void;
}
interface Wire {
  readonly id: number;
  readonly result?: { readonly type: string; readonly id?: string; readonly data: unknown };
  readonly error?: WireError;
}
interface LineOptions {
  readonly url: string;
  protocols(): string[];
  onState(state: 'open' | 'broken'): void;
}

export class Line {
  readonly #options: LineOptions;
  #socket: WebSocket | undefined;
  #nextId = 1;
  readonly #calls = new Map<number, Call>();
  readonly #subscriptions = new Map<number, Subscription>();
  #pauseMs = firstPauseMs;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LineOptions) {
    this.#options = options;
    addEventListener('online', () => this.#retryNow());
    addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#retryNow());
    this.#connect();
  }

  /** A call with `repeat` is sent again after a break, so it must be safe to repeat. */
  call(method: 'query' | 'mutation', path: string, input: unknown, repeat: boolean): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.#nextId++;
    const call = { message: { id, method, params: { path, input } }, repeat, sent: false, resolve, reject };
    this.#calls.set(id, call);
    call.sent = this.#send(call.message);
    return promise;
  }

  /** Returns a function that ends the subscription. `input` is called for each connection. */
  subscribe(path: string, input: () => unknown, hearer: Hearer): () => void {
    const id = this.#nextId++;
    this.#subscriptions.set(id, { path, input, ...hearer });
    this.#startSubscription(id);
    return () => {
      if (this.#subscriptions.delete(id)) this.#send({ id, method: 'subscription.stop' });
    };
  }

  #startSubscription(id: number) {
    const known = this.#subscriptions.get(id);
    if (known) this.#send({ id, method: 'subscription', params: { path: known.path, input: known.input() } });
  }

  #send(message: object): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    const socket = new WebSocket(this.#options.url, this.#options.protocols());
    this.#socket = socket;
    socket.onopen = () => {
      this.#pauseMs = firstPauseMs;
      this.#options.onState('open');
      for (const id of this.#subscriptions.keys()) this.#startSubscription(id);
      for (const call of this.#calls.values()) call.sent = this.#send(call.message);
    };
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = () => this.#broke();
  }

  #take(data: string) {
    if (data === 'PING') return this.#socket?.send('PONG');
    for (const message of [JSON.parse(data)].flat() as Wire[]) this.#hear(message);
    return undefined;
  }

  #hear({ id, result, error }: Wire) {
    const call = this.#calls.get(id);
    if (call) {
      this.#calls.delete(id);
      if (error) call.reject(new CallFailed(error));
      else call.resolve(result?.data);
      return;
    }
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return;
    if (result?.type === 'data') {
      // An item with an id, from which a subscription can resume, comes in an envelope.
      subscription.onData(result.id === undefined ? result.data : (result.data as { data: unknown }).data);
      return;
    }
    if (!error && result?.type !== 'stopped') return;
    this.#subscriptions.delete(id);
    if (error) subscription.onError?.(new CallFailed(error));
    else subscription.onEnd?.();
  }

  #broke() {
    this.#socket = undefined;
    for (const [id, { repeat, sent, reject }] of this.#calls) {
      if (repeat || !sent) continue;
      this.#calls.delete(id);
      reject(new CallFailed({ message: 'The connection broke; look whether it was done before you try again.' }));
    }
    this.#options.onState('broken');
    const pause = this.#pauseMs * (0.75 + Math.random() / 2);
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
    this.#timer = setTimeout(() => this.#connect(), pause);
  }

  #retryNow() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    this.#connect();
  }
}
