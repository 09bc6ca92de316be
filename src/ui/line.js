// One WebSocket to the server for calls and subscriptions (tRPC's wire). After a break it reconnects by itself:
// subscriptions resume after their last event, and repeatable calls are sent again.

const firstPauseMs = 400;
const longestPauseMs = 8_000;

export class CallFailed extends Error {
  constructor({ message = 'It did not work.', data = {} } = {}) {
    super(message);
    this.code = data.code;
    this.retryable = data.retryable === true;
  }
}

export class Line {
  #url;
  #protocols;
  #onState;
  #socket;
  #nextId = 1;
  #calls = new Map();
  #subscriptions = new Map();
  #pauseMs = firstPauseMs;
  #timer;

  /** `onState` is called with 'open' and 'broken'. */
  constructor({ url, protocols, onState }) {
    this.#url = url;
    this.#protocols = protocols;
    this.#onState = onState;
    addEventListener('online', () => this.#retryNow());
    addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#retryNow());
    this.#connect();
  }

  query = (path, input) => this.#call('query', path, input, true);
  /** Sent again after a break, so use it only for calls that are safe to repeat. */
  repeatable = (path, input) => this.#call('mutation', path, input, true);
  once = (path, input) => this.#call('mutation', path, input, false);

  /**
   * Calls `onData` with each item and returns a function that ends the subscription. `input` is called for each connection.
   */
  subscribe(path, input, { onData, onError, onEnd }) {
    const id = this.#nextId++;
    this.#subscriptions.set(id, { path, input, onData, onError, onEnd });
    this.#startSubscription(id);
    return () => {
      if (this.#subscriptions.delete(id)) this.#send({ id, method: 'subscription.stop' });
    };
  }

  #call(method, path, input, repeat) {
    const { promise, resolve, reject } = Promise.withResolvers();
    const id = this.#nextId++;
    this.#calls.set(id, { message: { id, method, params: { path, input } }, repeat, sent: false, resolve, reject });
    this.#ask(id);
    return promise;
  }

  #ask(id) {
    const call = this.#calls.get(id);
    call.sent = this.#send(call.message);
  }

  #startSubscription(id) {
    const { path, input } = this.#subscriptions.get(id);
    this.#send({ id, method: 'subscription', params: { path, input: input() } });
  }

  #send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    const socket = new WebSocket(this.#url, this.#protocols());
    this.#socket = socket;
    socket.onopen = () => {
      this.#pauseMs = firstPauseMs;
      this.#onState('open');
      for (const id of this.#subscriptions.keys()) this.#startSubscription(id);
      for (const id of this.#calls.keys()) this.#ask(id);
    };
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = () => this.#broke();
  }

  #take(data) {
    if (data === 'PING') return this.#socket.send('PONG');
    for (const message of [JSON.parse(data)].flat()) this.#hear(message);
  }

  #hear({ id, result, error }) {
    const call = this.#calls.get(id);
    if (call) {
      this.#calls.delete(id);
      if (error) call.reject(new CallFailed(error));
      else call.resolve(result.data);
      return;
    }
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return;
    // An item with an id, from which a subscription can resume, comes in an envelope.
    if (result?.type === 'data') return subscription.onData(result.id === undefined ? result.data : result.data.data);
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
    this.#onState('broken');
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
