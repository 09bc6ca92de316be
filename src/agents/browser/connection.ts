import type { Duplex } from 'node:stream';
import type { Browser, BrowserContext, CDPSession, ConnectOverCDPTransport } from 'playwright-core';
import { raceAbort } from '../../core/concurrency/cancel.ts';
import { sandboxReadSlice } from '../../core/concurrency/time-slice.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { DesktopClient } from '../../sandboxes/client/client.ts';

const connectMs = 20_000;

export interface BrowserConnection {
  readonly context: BrowserContext;
  readonly control: CDPSession;
  isOpen(): boolean;
  close(): void;
}

export async function connectBrowser(desktop: DesktopClient, signal: AbortSignal): Promise<BrowserConnection> {
  const pipe = await desktop.cdp(signal);
  const transport = createPipeTransport(pipe, desktop);
  try {
    // Lazy, because a server without browsers should not spend memory on Playwright.
    const { chromium } = await import('playwright-core');
    // A user may be watching this browser, so Playwright's defaults, which are meant for tests, are unsuitable.
    const connecting = chromium.connectOverCDP(transport, { noDefaults: true, timeout: connectMs });
    const browser: Browser = await raceAbort(connecting, signal);
    const context = browser.contexts()[0];
    if (!context) throw new AppError('sandbox_unavailable', 'The browser has no profile.');
    const control = await raceAbort(browser.newBrowserCDPSession(), signal);
    return { context, control, isOpen: () => browser.isConnected(), close: () => transport.close() };
  } catch (thrown) {
    transport.close();
    throw thrown;
  }
}

/** Ten times the largest expected message, a screenshot of a huge page. */
const maxMessageBytes = 16 * 1024 * 1024;
/** Maximum number of unread 64 KiB pieces. Above it, reading from the browser pauses. */
const maxPieces = 16;

/** Parses NUL-terminated messages into objects, as Playwright expects. */
export function createPipeTransport(pipe: Duplex, desktop: Pick<DesktopClient, 'cdpMessage'>): ConnectOverCDPTransport {
  const waiting = new Pieces();
  let closed = false;
  let reads = false;
  const over = (why: string) => {
    if (closed) return;
    closed = true;
    waiting.clear();
    pipe.destroy();
    transport.onclose?.(why);
  };
  const deliver = async (frame: Buffer) => {
    const read = await desktop.cdpMessage(frame);
    if (closed) return;
    if (read.kind === 'too_much') return over('the browser sent a message that exceeds the limit');
    if (read.kind === 'untrusted') return over('the browser sent something that is not a message');
    try {
      transport.onmessage?.(read.message);
    } catch {
      over('the browser sent a response that matches no request');
    }
  };
  const readOn = async () => {
    reads = true;
    for (let frame = waiting.next(); frame && !closed; frame = waiting.next()) {
      await deliver(frame);
      if (sandboxReadSlice.isOver) await new Promise<void>((resolve) => sandboxReadSlice.next(resolve));
    }
    reads = false;
    if (waiting.bytes > maxMessageBytes) over('the browser sent a message that exceeds the limit');
    else if (!closed && pipe.isPaused()) pipe.resume();
  };
  pipe.on('data', (chunk: Buffer) => {
    if (closed) return;
    waiting.add(chunk);
    if (reads && waiting.count > maxPieces) pipe.pause();
    if (!reads) void readOn().catch((thrown: unknown) => over(String(thrown)));
  });
  pipe.once('error', (error) => over(error.message));
  pipe.once('close', () => over('the browser is gone'));
  pipe.once('end', () => over('the browser is gone'));

  const transport: ConnectOverCDPTransport = {
    send: (message) => {
      if (!closed) pipe.write(`${JSON.stringify(message)}\0`);
    },
    close: () => over('closed'),
  };
  return transport;
}

class Pieces {
  #pieces: Buffer[] = [];
  #begun = Buffer.alloc(0);
  #length = 0;

  get bytes(): number {
    return this.#length + this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
  }
  get count(): number {
    return this.#pieces.length;
  }
  add(piece: Buffer): void {
    this.#pieces.push(piece);
  }
  clear(): void {
    this.#pieces = [];
    this.#length = 0;
  }
  next(): Buffer | undefined {
    for (let piece = this.#pieces[0]; piece && this.#length <= maxMessageBytes; piece = this.#pieces[0]) {
      const end = piece.indexOf(0);
      if (end < 0) {
        this.#pieces.shift();
        this.#keep(piece);
        continue;
      }
      this.#pieces[0] = piece.subarray(end + 1);
      const last = piece.subarray(0, end);
      if (this.#length === 0) return last;
      this.#keep(last);
      return this.#taken();
    }
    return undefined;
  }

  #taken(): Buffer {
    const message = this.#begun.subarray(0, this.#length);
    this.#begun = Buffer.alloc(0);
    this.#length = 0;
    return message;
  }

  #keep(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (length > this.#begun.length) {
      // Grows in large steps, because each step copies the buffer.
      const larger = Buffer.allocUnsafeSlow(Math.max(4 * this.#begun.length, length, 4096));
      this.#begun.copy(larger, 0, 0, this.#length);
      this.#begun = larger;
    }
    piece.copy(this.#begun, this.#length);
    this.#length = length;
  }
}
