import type { Duplex } from 'node:stream';
import type { ConnectOverCDPTransport } from 'playwright-core';

/** No message of a browser is larger: a screenshot of a huge page is a tenth of it. */
const maxMessageBytes = 64 * 1024 * 1024;

/** Messages that end with NUL, as Playwright wants them: one object each. */
export function pipeTransport(pipe: Duplex): ConnectOverCDPTransport {
  let parts: Buffer[] = [];
  let held = 0;
  let closed = false;
  const over = (why: string) => {
    if (closed) return;
    closed = true;
    parts = [];
    pipe.destroy();
    transport.onclose?.(why);
  };
  const take = (part: Buffer) => {
    held += part.length;
    if (held > maxMessageBytes) return over('the browser sent a message beyond all bounds');
    parts.push(part);
  };
  const deliver = () => {
    const text = (parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString();
    parts = [];
    held = 0;
    const message = parse(text);
    if (message) transport.onmessage?.(message);
    else over('the browser sent what is no message');
  };
  pipe.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length && !closed; ) {
      const end = chunk.indexOf(0, at);
      take(chunk.subarray(at, end < 0 ? undefined : end));
      if (end < 0 || closed) return;
      deliver();
      at = end + 1;
    }
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

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
