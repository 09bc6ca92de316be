import { type FetchLike, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { readErrorText } from '../../core/errors/error-text.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { RemoteToolServer } from '../../core/model/tool-server.ts';
import { type JsonLimits, parseJsonWithinLimits } from '../../core/text/json.ts';
import type { ToolServerTransport } from './connection.ts';
import { maxLineBytes } from './lines.ts';
import { withBearerToken } from './token-fetch.ts';

export function createHttpTransport(
  server: Pick<RemoteToolServer, 'url' | 'headers' | 'token'>,
  fetch: FetchLike,
): ToolServerTransport {
  const headers = Object.fromEntries(Object.entries(server.headers).map(([name, value]) => [name, value.reveal()]));
  let ended: string | undefined;
  /** Closes the connection, because the MCP SDK would otherwise wait for the timeout. */
  const lose = (why: string) => {
    ended ??= why;
    void transport.close();
  };
  const signedIn = server.token ? withToken(server.token, fetch) : fetch;
  let isRefused = false;
  let hasStream = false;
  const guarded: FetchLike = async (url, init) => {
    const response = await signedIn(url, init).catch((thrown: unknown) => {
      isRefused = thrown instanceof AppError && thrown.code === 'unauthorized';
      throw thrown;
    });
    isRefused = response.status === 401;
    const isCall = init?.method === 'POST';
    hasStream ||= init?.method === 'GET' && response.ok;
    const body = response.body?.pipeThrough(bounded());
    const { status, statusText, headers: reply } = response;
    const answer = new Response(body && isCall ? watched(body, lose) : (body ?? null), {
      status,
      statusText,
      headers: reply,
    });
    return isCall && response.ok && isRequest(init.body) ? await withType(answer, hasStream) : answer;
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

const limits: JsonLimits = { maxBytes: maxLineBytes, maxDepth: 100, maxValues: 1_000_000 };
const hasId = (message: unknown) => typeof message === 'object' && message !== null && 'id' in message;
const isRequest = (body: unknown): boolean =>
  typeof body === 'string' &&
  [parseJsonWithinLimits(body, limits)].flat().some((one) => hasId(one) && 'method' in (one as object));

/** Corrects wrong content types. Throws unsupported if the response contains no message. */
async function withType(answer: Response, hasStream: boolean): Promise<Response> {
  const type = answer.headers.get('content-type') ?? '';
  const { status, headers } = answer;
  if (status !== 202 && /^\s*text\/event-stream\s*(;|$)/i.test(type)) return answer;
  if (status === 202 && hasStream) return answer; // the result follows on the stream
  const text = await answer.text();
  const found = /^\s*[[{]/.test(text) ? 'application/json' : isEvents.test(text) ? 'text/event-stream' : undefined;
  if (found)
    return new Response(text, { status: 200, headers: { ...Object.fromEntries(headers), 'content-type': found } });
  const why =
    text.trim() === '' ? 'and sent no result' : `with ${type || 'no type'}: ${readErrorText(text) || 'no message'}`;
  throw new AppError('unsupported', `it answered ${status} ${why}.`);
}
const isEvents = /^\s*(data|event|id|retry)?:/;

function withToken(token: NonNullable<RemoteToolServer['token']>, fetch: FetchLike): FetchLike {
  return async (url, init) => {
    const access = await token();
    const response = await fetch(url, withBearerToken(init, access));
    if (response.status !== 401) return response;
    await response.body?.cancel();
    return await fetch(url, withBearerToken(init, await token(access)));
  };
}

/** Errors the stream if it contains a line over 4 MiB. */
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
