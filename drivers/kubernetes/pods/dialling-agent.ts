import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import { pause } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { YieldingConnection } from '../../shared/link/yielding-connection.ts';

/** Opens one connection to the sandbox's daemon. Rejects if the daemon cannot be reached now. */
export type Dial = (signal: AbortSignal) => Promise<Duplex>;

const patienceMs = 10_000;
const attemptMs = 5_000;

/**
 * An http.Agent that connects through `dial`. While the daemon restarts it keeps dialling, so requests wait for the
 * daemon just as with drivers whose daemon dials the server.
 */
export class DiallingAgent extends Agent {
  readonly #dial: Dial;
  readonly #open = new Set<Duplex>();
  readonly #stop = new AbortController();
  #closed: AppError | undefined;

  constructor(dial: Dial, lost: AbortSignal) {
    super({ keepAlive: true, maxFreeSockets: 8, scheduling: 'lifo' });
    this.#dial = dial;
    const end = () => this.#end(reasonOf(lost));
    if (lost.aborted) end();
    else lost.addEventListener('abort', end, { once: true });
  }

  override createConnection(_options: object, create: (error: Error | null, stream: Duplex) => void): undefined {
    this.#connect().then(
      // Node would wait forever for events of a stream that has already ended.
      (stream) => (stream.destroyed ? create(gone(stream), undefined as never) : create(null, inTurns(stream))),
      (error: Error) => create(error, undefined as never),
    );
  }

  async #connect(): Promise<Duplex> {
    const until = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(patienceMs)]);
    for (let failures = 0; ; failures += 1) {
      try {
        const stream = await this.#dial(AbortSignal.any([until, AbortSignal.timeout(attemptMs)]));
        if (this.#closed) stream.destroy();
        else {
          this.#open.add(stream);
          stream.once('close', () => this.#open.delete(stream));
          return stream;
        }
      } catch (error) {
        if (until.aborted) throw this.#closed ?? error;
      }
      if (this.#closed) throw this.#closed;
      await pause(Math.min(50 * 2 ** failures, 1_000), until).catch((fired) => {
        throw this.#closed ?? fired;
      });
    }
  }

  #end(reason: AppError): void {
    if (this.#closed) return;
    this.#closed = reason;
    this.#stop.abort();
    for (const stream of this.#open) stream.destroy();
    super.destroy();
  }

  /** Also closes upgraded connections, so that nothing of the link stays open. */
  override destroy(): void {
    this.#end(new AppError('cancelled', 'The link to the sandbox was closed.'));
  }
}

/** Node's agent calls these methods on each connection that it keeps for the next request. */
class ReusableConnection extends YieldingConnection {
  setKeepAlive = () => this;
  setNoDelay = () => this;
  setTimeout = () => this;
  ref = () => this;
  unref = () => this;
}

function inTurns(stream: Duplex): Duplex {
  const even = new ReusableConnection(stream);
  even.once('agentRemove', () => even.whole()); // upgraded
  return even;
}
const gone = (stream: Duplex) => stream.errored ?? new AppError('sandbox_unavailable', 'The connection was closed.');
const reasonOf = ({ reason }: AbortSignal): AppError =>
  reason instanceof AppError ? reason : new AppError('sandbox_lost', 'The sandbox is gone.');
