import type { Writable } from 'node:stream';
import { truncateEnd } from '../../../core/text/text.ts';
import type { TerminalSize } from '../../../sandboxes/client/abilities.ts';
import type { TerminalClient, TerminalEnd } from '../../../sandboxes/client/client.ts';
import type { BackpressureStream } from './piped-command.ts';

const maxUnsent = 1024 * 1024; // in bytes while a stream is open, in characters at other times

/** Sends input in order and drops pending input beyond `maxUnsent`. The terminal's output stream reports errors. */
export class TerminalInputWriter {
  readonly #client: TerminalClient;
  readonly #id: string;
  readonly #signal: AbortSignal;
  #typed = '';
  #size: TerminalSize | undefined;
  #busy = false;
  #keyboard: Writable | undefined;

  constructor(client: TerminalClient, id: string, signal: AbortSignal) {
    this.#client = client;
    this.#id = id;
    this.#signal = signal;
    void this.#plugIn();
  }

  write(text: string): void {
    this.#typed += truncateEnd(text, Math.max(0, maxUnsent - this.#typed.length));
    void this.#send();
  }
  resize(size: TerminalSize): void {
    this.#size = size; // only the newest size matters
    void this.#send();
  }

  async #plugIn(): Promise<void> {
    const stream = await this.#client.keyboard(this.#id, this.#signal).catch(() => undefined);
    if (!stream) return;
    stream.once('close', () => {
      this.#keyboard = undefined;
    });
    if (this.#signal.aborted) stream.destroy();
    else this.#signal.addEventListener('abort', () => void stream.destroy(), { once: true });
    this.#keyboard = stream;
  }

  async #send(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while ((this.#typed !== '' || this.#size) && !this.#signal.aborted) {
      const size = this.#size;
      this.#size = undefined;
      if (size) await this.#client.resize(this.#id, size, this.#signal).catch(() => {});
      const typed = this.#typed;
      this.#typed = '';
      if (typed !== '') await this.#type(typed);
    }
    this.#busy = false;
  }

  async #type(text: string): Promise<void> {
    const stream = this.#keyboard;
    if (!stream?.writable) await this.#client.write(this.#id, text, this.#signal).catch(() => {});
    else if (stream.writableLength < maxUnsent) stream.write(text);
  }
}

/** Resolves when the connection is open or the terminal has ended. */
export async function forwardTerminalOutput(
  client: TerminalClient,
  id: string,
  { output, signal }: { output: BackpressureStream; signal: AbortSignal },
): Promise<{ readonly ended: Promise<TerminalEnd> }> {
  const open = Promise.withResolvers<void>();
  const ended = client.read(id, { onOpen: open.resolve, onBytes: (chunk) => output.carry(chunk) }, signal);
  await Promise.race([open.promise, ended]);
  return { ended };
}
