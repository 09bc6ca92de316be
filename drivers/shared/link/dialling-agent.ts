import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { combineSignals, sleep } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { YieldingConnection } from './yielding-connection.ts';

export type DialFunction = (signal: AbortSignal) => Promise<Duplex>;

export const createDialFunction =
  (host: string, port: number): DialFunction =>
  async (signal): Promise<Duplex> => {
    const socket = connect({ host, port, noDelay: true });
    socket.on('error', () => {});
    try {
      await once(socket, 'connect', { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  };

const patienceMs = 10_000;
const attemptMs = 5_000;

/** Keeps dialling for up to `patienceMs`, because the daemon may be restarting. */
export class DiallingHttpAgent extends Agent {
  readonly #dial: DialFunction;
  readonly #open = new Set<Duplex>();
  readonly #stop = new AbortController();

  constructor(dial: DialFunction, lost: AbortSignal) {
    super({ keepAlive: true, maxFreeSockets: 8, scheduling: 'lifo' });
    this.#dial = dial;
    const end = () => this.#end(lost.reason);
    if (lost.aborted) end();
    else lost.addEventListener('abort', end, { once: true });
  }

  override createConnection(_options: object, create: (error: Error | null, stream: Duplex) => void): undefined {
    this.#connect().then(
      // Node would wait forever for events from a stream that has already ended.
      (stream) => (stream.destroyed ? create(gone(stream), undefined as never) : create(null, inTurns(stream))),
      (error: Error) => create(error, undefined as never),
    );
  }

  async #connect(): Promise<Duplex> {
    const stop = this.#stop.signal;
    const until = combineSignals([stop, AbortSignal.timeout(patienceMs)]);
    const unlessOver = (error: unknown) => {
      if (until.aborted) throw stop.aborted ? stop.reason : error;
    };
    for (let failures = 0; ; failures += 1) {
      const stream = await this.#dial(combineSignals([until, AbortSignal.timeout(attemptMs)])).catch(unlessOver);
      if (stop.aborted) stream?.destroy();
      stop.throwIfAborted();
      if (stream) {
        this.#open.add(stream);
        return stream.once('close', () => this.#open.delete(stream));
      }
      await sleep(Math.min(50 * 2 ** failures, 1_000), until).catch(unlessOver);
    }
  }

  #end(reason: AppError): void {
    this.#stop.abort(reason);
    for (const stream of this.#open) stream.destroy();
    super.destroy();
  }

  override destroy(): void {
    this.#end(new AppError('cancelled', 'The link to the sandbox was closed.'));
  }
}

class ReusableConnection extends YieldingConnection {
  setKeepAlive = () => this;
  setNoDelay = () => this;
  setTimeout = () => this;
  ref = () => this;
  unref = () => this;
}

function inTurns(stream: Duplex): Duplex {
  const even = new ReusableConnection(stream);
  even.once('agentRemove', () => even.whole());
  return even;
}
const gone = (stream: Duplex) => stream.errored ?? new AppError('sandbox_unavailable', 'The connection was closed.');
