import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SandboxId, SessionId } from '../../../core/model/ids.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import { waitForResponse } from '../answer.ts';
import type { EgressProxy } from '../proxy.ts';

interface ProxiedAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: AsyncIterable<Buffer>;
}
/** Does not follow redirects. Aborting the signal also ends the body. */
export type ProxiedFetch = (
  url: URL,
  from: { readonly id: SandboxId; readonly sessionId: SessionId },
  signal: AbortSignal,
) => Promise<ProxiedAnswer>;

const maxHeaderBytes = 32 * 1024;
const maxRefusal = 4 * 1024;
const headers = {
  'User-Agent': 'Corral web_fetch',
  Accept: 'text/markdown, text/html;q=0.9, application/json;q=0.8, text/*;q=0.7, */*;q=0.5',
  'Accept-Encoding': 'identity',
  Connection: 'close',
};

/**
 * Requests go through the egress proxy, and are reported like those of the session's programs. Rejects: forbidden (the
 * proxy refused, or could not connect), not_found (the connection was interrupted, or TLS failed), cancelled,
 * deadline_exceeded.
 */
export function createProxiedFetch(proxy: Pick<EgressProxy, 'serve'>, ca: string): ProxiedFetch {
  let trusted: SecureContext | undefined;
  return async (url, from, signal) => {
    throwIfAborted(signal);
    const [ours, theirs] = duplexPair();
    const abort = () => void ours.destroy();
    signal.addEventListener('abort', abort, { once: true });
    ours.on('error', () => {});
    ours.once('close', () => {
      signal.removeEventListener('abort', abort);
      theirs.destroy();
    });
    proxy.serve(theirs, from);
    try {
      const tunnel = await tunnelTo(url, ours);
      const secure = url.protocol === 'https:';
      trusted ??= secure ? createSecureContext({ ca }) : undefined;
      const socket = secure && trusted ? await secured(url, tunnel, trusted) : tunnel;
      const outgoing = request({
        createConnection: () => socket,
        setHost: false,
        maxHeaderSize: maxHeaderBytes,
        path: `${url.pathname}${url.search}`,
        headers: { Host: url.host, ...headers },
      });
      const answer = await waitForResponse(outgoing.end());
      return { status: answer.statusCode ?? 0, headers: answer.headers, body: readBody(url, { answer, ours, signal }) };
    } catch (cause) {
      ours.destroy();
      throw failure(url, cause, signal);
    }
  };
}

function failure(url: URL, cause: unknown, signal: AbortSignal): AppError {
  try {
    throwIfAborted(signal);
  } catch (fired) {
    return fired as AppError;
  }
  return cause instanceof AppError
    ? cause
    : new AppError('not_found', `The connection to ${url.host} was interrupted.`, { cause });
}

async function* readBody(
  url: URL,
  { answer, ours, signal }: { readonly answer: IncomingMessage; readonly ours: Duplex; readonly signal: AbortSignal },
): AsyncGenerator<Buffer> {
  try {
    yield* answer as AsyncIterable<Buffer>;
  } catch (cause) {
    throw failure(url, cause, signal);
  } finally {
    ours.destroy();
  }
}

/** Tunnels http too, so that a refusal cannot be mistaken for the site's response. */
async function tunnelTo(url: URL, socket: Duplex): Promise<Duplex> {
  const authority = `${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`;
  const outgoing = request({
    createConnection: () => socket,
    setHost: false,
    method: 'CONNECT',
    path: authority,
    headers: { Host: authority },
  });
  outgoing.end();
  const [answer, tunnel, head] = (await once(outgoing, 'connect')) as [IncomingMessage, Duplex, Buffer];
  if (answer.statusCode === 200) {
    if (head.length > 0) tunnel.unshift(head);
    return tunnel;
  }
  let text = head.toString();
  for await (const chunk of tunnel as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length >= maxRefusal) break;
  }
  throw new AppError('forbidden', truncateEnd(text.trim(), maxRefusal) || (answer.statusMessage ?? 'refused'));
}

async function secured(url: URL, socket: Duplex, secureContext: SecureContext): Promise<Duplex> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const isName = !/^[\d.]+$|:/.test(host);
  const tls = connectTls({ socket, host, secureContext, ...(isName && { servername: host }) });
  try {
    await once(tls, 'secureConnect');
  } catch (cause) {
    tls.on('error', () => {}).destroy();
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    throw new AppError('not_found', `${url.host} could not be reached over TLS${why}.`, { cause });
  }
  return tls.on('error', () => {});
}
