import { parseStreamFrames } from '../core/text/stream-frames.ts';
import { readChunks } from './bodies.ts';
import type { Connection } from './connection.ts';
import { toCorralError } from './errors.ts';
import { createCutOffError, parseEndFrame } from './exec.ts';

/** Why a terminal's output ended for this reader. */
export type TerminalEnd = 'exited' | 'deleted' | 'replaced' | 'session_deleted' | 'detached';

export interface TerminalOptions {
  readonly cols?: number;
  readonly rows?: number;
  /** The next call waits for a returned promise. Without `onData`, iterate over the terminal. */
  readonly onData?: (bytes: Uint8Array) => void | Promise<void>;
}

/** A shell that keeps running when its reader leaves; `box.terminal({ id })` reattaches to it. */
export class Terminal implements AsyncIterable<Uint8Array> {
  readonly id: string;
  /** Resolves on shell exit, takeover by another reader, deletion or `detach`. Rejects when the connection breaks. */
  readonly ended: Promise<TerminalEnd>;
  readonly #server: Connection;
  readonly #left = new AbortController();
  readonly #pieces = handoff();
  #typed = '';
  #size: { cols: number; rows: number } | undefined;
  #sending: Promise<void> | undefined;

  private constructor(server: Connection, id: string, output: Response, onData: TerminalOptions['onData']) {
    this.id = id;
    this.#server = server;
    this.ended = this.#read(output, onData ?? this.#pieces.give);
    void this.ended.then(this.#pieces.close, this.#pieces.close);
    this.ended.catch(() => {}); // prevents an unhandled rejection; the caller can still await `ended` later
  }

  static async open(server: Connection, id: string, { cols, rows, onData }: TerminalOptions): Promise<Terminal> {
    if (cols !== undefined && rows !== undefined) {
      await server.call((api) => api.terminals.resize.mutate({ terminalId: id, cols, rows }));
    }
    return new Terminal(server, id, await server.request(`/streams/terminals/${id}`), onData);
  }

  /** Only for a terminal without `onData`. Leaving the loop detaches from it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    try {
      yield* this.#pieces.taken();
      await this.ended;
    } finally {
      this.detach();
    }
  }

  /** Sends input, in order. Rejects when the terminal no longer exists. */
  async write(text: string): Promise<void> {
    this.#typed += text;
    await this.#send();
  }

  async resize(cols: number, rows: number): Promise<void> {
    this.#size = { cols, rows }; // only the newest size matters
    await this.#send();
  }

  /** Stops reading the output; the shell keeps running. */
  detach(): void {
    this.#pieces.close();
    this.#left.abort();
  }

  async close(): Promise<void> {
    await this.#server.call((api) => api.terminals.close.mutate({ terminalId: this.id }));
  }

  /** One request at a time keeps the input in order. */
  #send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    const terminalId = this.id;
    while (this.#typed !== '' || this.#size) {
      const [text, size] = [this.#typed.slice(0, 65_536), this.#size];
      this.#typed = this.#typed.slice(text.length);
      this.#size = undefined;
      if (size) await this.#server.call((api) => api.terminals.resize.mutate({ terminalId, ...size }));
      if (text !== '') await this.#server.call((api) => api.terminals.write.mutate({ terminalId, text }));
    }
  }

  async #read(output: Response, onData: NonNullable<TerminalOptions['onData']>): Promise<TerminalEnd> {
    const { address } = this.#server;
    const frames = parseStreamFrames(readChunks(output.body));
    const leave = new Promise<undefined>((resolve) => {
      this.#left.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    try {
      for (;;) {
        const next = await Promise.race([frames.next(), leave]);
        if (next === undefined) return 'detached';
        if (next.done) throw createCutOffError(address);
        const { channel, payload } = next.value;
        if (channel === 'output') await onData(payload);
        if (channel === 'end') return parseEndFrame<{ reason: TerminalEnd }>(payload, address).reason;
      }
    } catch (thrown) {
      throw toCorralError(thrown, address);
    } finally {
      void output.body?.cancel().catch(() => {});
      void frames.return(undefined).catch(() => {});
    }
  }
}

/** The writer waits until each piece has been taken. */
function handoff() {
  let lying: Uint8Array | undefined;
  let isOver = false;
  const woken: (() => void)[] = [];
  const ring = () => {
    for (const wake of woken.splice(0)) wake();
  };
  const rung = () => new Promise<void>((resolve) => void woken.push(resolve)); // Node 20 has no Promise.withResolvers
  return {
    async give(bytes: Uint8Array): Promise<void> {
      lying = bytes;
      ring();
      while (lying === bytes && !isOver) await rung();
    },
    close(): void {
      isOver = true;
      ring();
    },
    async *taken(): AsyncGenerator<Uint8Array, void> {
      for (;;) {
        const piece = lying;
        if (piece) {
          yield piece;
          lying = undefined;
          ring();
        } else if (isOver) return;
        else await rung();
      }
    },
  };
}
