import { subscribe, unsubscribe } from 'node:diagnostics_channel';

// The SDK drops the response's headers, including Retry-After. Node publishes the headers of every response to its own
// fetch. A request header with the turn's id identifies the response.
const channel = 'undici:request:headers';
export const turnHeader = 'x-corral-turn';

interface DiagnosticsMessage {
  readonly request: { readonly headers: readonly string[] };
  readonly response: { readonly headers: readonly Uint8Array[] };
}

/** Watches for the Retry-After of the request with this turn's id. */
export function retryHeader(turn: string): Disposable & { value(): string | undefined } {
  let value: string | undefined;
  const heard = (message: unknown) => {
    const { request, response } = message as DiagnosticsMessage;
    if (!request.headers.includes(turn)) return;
    const at = response.headers.findIndex((name) => Buffer.from(name).toString().toLowerCase() === 'retry-after');
    const found = response.headers[at + 1];
    value = at >= 0 && found ? Buffer.from(found).toString() : undefined;
  };
  subscribe(channel, heard);
  return { value: () => value, [Symbol.dispose]: () => unsubscribe(channel, heard) };
}
