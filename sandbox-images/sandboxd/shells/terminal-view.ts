import type { TerminalEnd } from '../../../src/sandboxes/client/client.ts';
import { type ChunkHandoff, createChunkHandoff } from '../server/chunk-handoff.ts';
import { TerminalReplay } from './terminal-replay.ts';

interface Reader {
  readonly handoff: ChunkHandoff;
  end: TerminalEnd;
}

/** A new reader replaces the previous one. */
export class TerminalView {
  readonly #screen = new TerminalReplay();
  #reader: Reader | undefined;

  set rows(rows: number) {
    this.#screen.rows = rows;
  }

  async show(chunk: Uint8Array): Promise<void> {
    // Stored in the same turn as it is delivered, so that a new reader gets the chunk exactly once.
    this.#screen.push(chunk);
    await this.#reader?.handoff.give(chunk);
  }

  dismiss(end: TerminalEnd): void {
    if (!this.#reader) return;
    this.#reader.end = end;
    this.#reader.handoff.close();
    this.#reader = undefined;
  }

  read(signal: AbortSignal): { readonly chunks: AsyncIterable<Uint8Array>; end(): TerminalEnd } {
    this.dismiss('replaced');
    const reader: Reader = { handoff: createChunkHandoff(this.#screen.last()), end: 'exited' };
    this.#reader = reader;
    const left = () => {
      reader.handoff.close();
      if (this.#reader === reader) this.#reader = undefined;
    };
    signal.addEventListener('abort', left, { once: true });
    if (signal.aborted) left();
    return { chunks: reader.handoff.chunks, end: () => reader.end };
  }
}
