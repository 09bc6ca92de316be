import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { AppError } from '../../../core/errors/errors.ts';
import { waitForResponse } from '../answer.ts';
import { connectToUrl } from './connect-url.ts';
import { type ConnectorOptions, createConnector } from './guarded-connect.ts';

/** Works like the global fetch, but sends only text bodies. */
export type GuardedFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

const connectMs = 10_000;
const maxHeaderBytes = 32 * 1024;
const maxStatus = 599;
const withoutBody = new Set([204, 205, 304]);

/**
 * A fetch that connects through `guardedConnect`, like sandboxes: it dials the address that was checked. It follows no redirect
 * and keeps no connection. Rejects with AppError, or with the signal's own error.
 */
export function createGuardedFetch(options: ConnectorOptions & { readonly ca?: string } = {}): GuardedFetch {
  const via = createConnector(options, connectMs);
  return async (target, init = {}) => {
    const url = new URL(target);
    const signal = init.signal ?? new AbortController().signal;
    const socket = await connectToUrl(url, { via, ca: options.ca }, signal);
    const headers = { ...Object.fromEntries(new Headers(init.headers)), host: url.host, connection: 'close' };
    const outgoing = request({
      createConnection: () => socket,
      setHost: false,
      maxHeaderSize: maxHeaderBytes,
      method: init.method ?? 'GET',
      path: `${url.pathname}${url.search}`,
      headers,
    });
    const abort = () => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
    const answer = await waitForResponse(outgoing.end(typeof init.body === 'string' ? init.body : undefined)).catch(
      (cause) => {
        socket.destroy();
        throw signal.aborted
          ? (signal.reason as Error)
          : new AppError('not_found', `The connection to ${url.host} was interrupted.`, { cause });
      },
    );
    const status = answer.statusCode ?? 0;
    if (status > maxStatus) {
      socket.destroy();
      throw new AppError('not_found', `${url.host} answered with the unknown status ${status}.`);
    }
    const has = !withoutBody.has(status);
    if (!has) answer.resume();
    const body = has ? (Readable.toWeb(answer) as ReadableStream<Uint8Array>) : null;
    return new Response(body, { status, headers: toHeaders(answer) });
  };
}

function toHeaders({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  return headers;
}
