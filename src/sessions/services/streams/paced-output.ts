import { Readable } from 'node:stream';

export class BackpressureStream extends Readable {
  #requested = Promise.withResolvers<void>();

  override _read(): void {
    this.#requested.resolve();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#requested.resolve();
    done(error);
  }
  async carry(chunk: Uint8Array): Promise<void> {
    this.#requested = Promise.withResolvers();
    if (this.destroyed || this.push(chunk)) return;
    await this.#requested.promise;
  }
}
