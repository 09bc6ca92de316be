import { type FetchLike, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { AppError } from '../../core/errors/errors.ts';
import type { ToolAddress } from '../../core/model/tool-server.ts';
import type { ServerTransport } from './connection.ts';
import { maxLineBytes } from './lines.ts';
import { withBearerToken } from './token-fetch.ts';

/** The transport of a remote tool server. `fetch` decides which addresses are reachable. */
export function httpTransport(
  server: Pick<ToolAddress, 'url' | 'headers' | 'token'>,
  fetch: FetchLike,
): ServerTransport {
  const headers = Object.fromEntries(Object.entries(server.headers).map(([name, value]) => [name, value.reveal()]));
  let ended: string | undefined;
  /** A broken answer ends the connection immediately: the official client would wait until the call times out. */
  const lose = (why: string) => {
    ended ??= why;
    void transport.close();
  };
  const signedIn = server.token ? withToken(server.token, fetch) : fetch;
  let isRefused = false;
  const guarded: FetchLike = async (url, init) => {
    const response = await signedIn(url, init).catch((thrown: unknown) => {
      isRefused = thrown instanceof AppError && thrown.code === 'unauthorized';
      throw thrown;
    });
    isRefused = response.status === 401;
    if (!response.body) return response;
    const isCall = init?.method === 'POST';
    const body = response.body.pipeThrough(bounded());
    const { status, statusText, headers: reply } = response;
    return new Response(isCall ? watched(body, lose) : body, { status, statusText, headers: reply });
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
  return { transport, ended: () => ended, refused: () => isRefused };
}

/** Adds the access token of a person who signed in. A refused token is renewed once. */
function withToken(token: NonNullable<ToolAddress['token']>, fetch: FetchLike): FetchLike {
  return async (url, init) => {
    const access = await token();
    const response = await fetch(url, withBearerToken(init, access));
    if (response.status !== 401) return response;
    await response.body?.cancel();
    return await fetch(url, withBearerToken(init, await token(access)));
  };
}

/** Fails a body with a line, such as a stream event, longer than 4 MiB. */
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
        if (name !== 'AbortError') lose(message === tooLong ? tooLong : 'its connection was interrupted');
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
