import { Readable } from 'node:stream';

/** Bytes as a stream with backpressure: a reader that stops also stops their source. */
export class PacedOutput extends Readable {
  #wanted = Promise.withResolvers<void>();

  override _read(): void {
    this.#wanted.resolve();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wanted.resolve();
    done(error);
  }
  async carry(chunk: Uint8Array): Promise<void> {
    this.#wanted = Promise.withResolvers();
    if (this.destroyed || this.push(chunk)) return;
    await this.#wanted.promise;
  }
}
