import type { TerminalSize } from '../../../sandbox/abilities.ts';
import type { TerminalClient, TerminalEnd } from '../../../sandbox/client.ts';
import type { PacedOutput } from './paced-output.ts';

const maxUnsent = 1024 * 1024;

/** Sends input to a terminal in order. Input beyond 1 MiB that the terminal has not taken is dropped. */
export class TerminalInput {
  readonly #client: TerminalClient;
  readonly #id: string;
  readonly #signal: AbortSignal;
  #typed = '';
  #size: TerminalSize | undefined;
  #busy = false;

  constructor(client: TerminalClient, id: string, signal: AbortSignal) {
    this.#client = client;
    this.#id = id;
    this.#signal = signal;
  }

  write(text: string): void {
    this.#typed += text.slice(0, Math.max(0, maxUnsent - this.#typed.length));
    void this.#send();
  }
  resize(size: TerminalSize): void {
    this.#size = size; // only the newest size matters
    void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    // When the terminal is gone, its output stream reports that; the input can ignore it.
    while ((this.#typed !== '' || this.#size) && !this.#signal.aborted) {
      const [typed, size] = [this.#typed, this.#size];
      this.#typed = '';
      this.#size = undefined;
      if (size) await this.#client.resize(this.#id, size, this.#signal).catch(() => {});
      if (typed !== '') await this.#client.write(this.#id, typed, this.#signal).catch(() => {});
    }
    this.#busy = false;
  }
}

/** Starts to pass on a terminal's output. Resolves when the connection is open, with a promise for the terminal's end. */
export async function startReading(
  client: TerminalClient,
  id: string,
  { output, signal }: { output: PacedOutput; signal: AbortSignal },
): Promise<{ readonly ended: Promise<TerminalEnd> }> {
  const open = Promise.withResolvers<void>();
  const ended = client.read(id, { onOpen: open.resolve, onBytes: (chunk) => output.carry(chunk) }, signal);
  await Promise.race([open.promise, ended]);
  return { ended };
}
