import { parseStreamFrames } from '../../../core/text/stream-frames.ts';
import { fetchWithToken, mutate } from '../../data/server.ts';
import { toCharacterBoundary } from '../../parts/bounded-text.ts';

export type TerminalEndReason = 'exited' | 'deleted' | 'replaced' | 'session_deleted' | 'lost';

interface TerminalListener {
  onData(bytes: Uint8Array): void;
  onEnd(why: TerminalEndReason): void;
}
const typeAtOnce = 65_536;

/** One of the person's terminals. Closing the connection keeps the shell. */
export class UserTerminalConnection {
  readonly #id: string;
  readonly #left = new AbortController();
  #typed = '';
  #size: { cols: number; rows: number } | undefined;
  #isSending = false;

  constructor(id: string, listener: TerminalListener) {
    this.#id = id;
    void this.#read(listener);
  }

  type(text: string): void {
    this.#typed += text;
    void this.#send();
  }

  resize(cols: number, rows: number): void {
    this.#size = { cols, rows };
    void this.#send();
  }

  leave(): void {
    this.#left.abort();
  }

  async #read({ onData, onEnd }: TerminalListener): Promise<void> {
    const { signal } = this.#left;
    try {
      const answer = await fetchWithToken(`/streams/terminals/${this.#id}`, { signal });
      if (!answer.ok || !answer.body) return onEnd(answer.status === 404 ? 'exited' : 'lost');
      for await (const { channel, payload } of parseStreamFrames(readPieces(answer.body))) {
        if (channel === 'output') onData(payload);
        if (channel !== 'end') continue;
        const { reason } = JSON.parse(new TextDecoder().decode(payload)) as { reason?: TerminalEndReason };
        return onEnd(reason ?? 'lost');
      }
      onEnd('lost');
    } catch {
      if (!signal.aborted) onEnd('lost');
    }
  }

  /** Sends one request at a time, so that input arrives in order. Later keys are sent with the next request. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const terminalId = this.#id;
    try {
      while (this.#typed !== '' || this.#size) {
        const text = this.#typed.slice(0, toCharacterBoundary(this.#typed, typeAtOnce));
        const size = this.#size;
        this.#typed = this.#typed.slice(text.length);
        this.#size = undefined;
        if (size) await mutate('terminals.resize', { terminalId, ...size });
        if (text !== '') await mutate('terminals.write', { terminalId, text });
      }
    } catch {
      this.#typed = ''; // the terminal has ended, which its output reports
    } finally {
      this.#isSending = false;
    }
  }
}

/** Works in browsers whose streams are not iterable. */
async function* readPieces(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
