import { Duplex, Readable, Writable } from 'node:stream';
import { type KubeConfig, PortForward } from '@kubernetes/client-node';
import { raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';

const dataStream = 0;

/** Each stream has its own WebSocket to the API server. */
export function createPortForwarder(config: KubeConfig, namespace: string) {
  const forward = new PortForward(config, false);

  return async (pod: string, port: number, signal: AbortSignal): Promise<Duplex> => {
    const stream = new ForwardedPort();
    // Empty input, because `ForwardedPort` writes directly to the WebSocket to apply backpressure.
    const nothing = new Readable({ read() {} });
    const opening = forward.portForward(namespace, pod, [port], stream.incoming, stream.complaints, nothing);
    opening.then((late) => signal.aborted && (late as ForwardSocket).terminate()).catch(() => {});
    try {
      return stream.over((await raceAbort(opening, signal)) as ForwardSocket);
    } catch (error) {
      stream.destroy();
      if (error instanceof AppError) throw error;
      const message = 'The cluster does not forward connections to the sandbox.';
      throw new AppError('driver_unavailable', message, { cause: error });
    }
  };
}

const sink = (take: (chunk: Buffer) => unknown) =>
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length > 0) take(chunk);
      done();
    },
  });

type ForwardSocket = Exclude<Awaited<ReturnType<PortForward['portForward']>>, () => unknown>;

class ForwardedPort extends Duplex {
  #channel: ForwardSocket | undefined;

  constructor() {
    super({ allowHalfOpen: false });
    this.on('error', () => {});
  }

  readonly incoming = sink((chunk) => this.push(chunk) || this.#channel?.pause());

  readonly complaints = sink((chunk) =>
    this.destroy(new AppError('sandbox_unavailable', `Node: ${chunk.toString().trim()}`)),
  );

  over(channel: ForwardSocket): this {
    this.#channel = channel;
    channel.addEventListener('close', () => {
      this.push(null);
      this.destroy();
    });
    if (this.destroyed) channel.terminate();
    return this;
  }

  override _read(): void {
    this.#channel?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const framed = Buffer.alloc(chunk.length + 1);
    framed[0] = dataStream;
    chunk.copy(framed, 1);
    this.#channel?.send(framed, done);
  }

  override _final(done: () => void): void {
    this.#channel?.close();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel?.terminate();
    done(error);
  }
}
