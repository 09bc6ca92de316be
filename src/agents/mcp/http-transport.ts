import { type FetchLike, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Secret } from '../../core/text/secret.ts';
import type { ServerTransport } from './connection.ts';
import { maxLineBytes } from './lines.ts';

/** The transport of a tool server at an address. `fetch` decides which addresses can be reached. */
export function httpTransport(
  server: { readonly url: string; readonly headers: Readonly<Record<string, Secret>> },
  fetch: FetchLike,
): ServerTransport {
  const headers = Object.fromEntries(Object.entries(server.headers).map(([name, value]) => [name, value.reveal()]));
  let ended: string | undefined;
  /** A broken answer ends the connection at once: the official client would wait until the call's time is up. */
  const lose = (why: string) => {
    ended ??= why;
    void transport.close();
  };
  const guarded: FetchLike = async (url, init) => {
    const response = await fetch(url, init);
    if (!response.body) return response;
    const isCall = init?.method === 'POST';
    const body = response.body.pipeThrough(bounded());
    const { status, statusText, headers: said } = response;
    return new Response(isCall ? watched(body, lose) : body, { status, statusText, headers: said });
  };
  const transport = new StreamableHTTPClientTransport(new URL(server.url), {
    fetch: guarded,
    requestInit: { headers },
    reconnectionOptions: {
      initialReconnectionDelay: 1_000,
      maxReconnectionDelay: 30_000,
      reconnectionDelayGrowFactor: 2,
      maxRetries: 2,
    },
  });
  return { transport, ended: () => ended };
}

/** Fails a body in which one line, such as an event of a stream, is longer than 4 MiB. */
function bounded(): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream({
    transform(chunk, controller) {
      const last = chunk.lastIndexOf(0x0a);
      size = last < 0 ? size + chunk.length : chunk.length - last - 1;
      if (size > maxLineBytes || chunk.length > maxLineBytes) controller.error(new Error(tooLong));
      else controller.enqueue(chunk);
    },
  });
}
const tooLong = 'it sent a message larger than 4 MiB';

function watched(body: ReadableStream<Uint8Array>, lose: (why: string) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (thrown) {
        controller.error(thrown);
        const { message, name } = thrown as Error;
        if (name !== 'AbortError') lose(message === tooLong ? tooLong : 'its connection broke off');
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
