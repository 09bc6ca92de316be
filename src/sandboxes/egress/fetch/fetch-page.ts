import { type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { combineSignals } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { waitForResponse } from '../answer.ts';
import { type ConnectorOptions, connectToUrl, createConnector } from './guarded-fetch.ts';

/** Accepts untrusted URLs. Truncates the text at 1 MiB. Rejects only with AppError. */
export type PageTextFetcher = (url: string, signal: AbortSignal) => Promise<string>;

const timeoutMs = 5_000;
const maxBytes = 2 ** 20;
const maxRedirects = 3;

/** Applies the sandboxes' address rules to the target of each redirect too. */
export function createPageTextFetcher(options: ConnectorOptions & { readonly ca?: string } = {}): PageTextFetcher {
  const via = createConnector(options, timeoutMs);
  return async (first, signal) => {
    const timed = combineSignals([signal, AbortSignal.timeout(timeoutMs)]);
    let url = new URL(first);
    for (let hop = 0; hop <= maxRedirects; hop += 1) {
      const socket = await connectToUrl(url, { via, ca: options.ca }, timed);
      const abort = () => socket.destroy(timed.reason as Error);
      timed.addEventListener('abort', abort, { once: true });
      try {
        const answer = await get(url, socket);
        const location = URL.parse(answer.headers.location ?? '', url.href);
        if (answer.statusCode === 200) return await readText(answer);
        if (!location || !/^30[12378]$/.test(String(answer.statusCode))) {
          throw new AppError('not_found', `${url.host} answered ${answer.statusCode}.`);
        }
        url = location;
      } catch (cause) {
        throw cause instanceof AppError
          ? cause
          : new AppError('not_found', `The connection to ${url.host} was interrupted.`, { cause });
      } finally {
        timed.removeEventListener('abort', abort);
        socket.destroy();
      }
    }
    throw new AppError('not_found', `${new URL(first).host} redirects too often.`);
  };
}

function get(url: URL, socket: Duplex): Promise<IncomingMessage> {
  const headers = { Host: url.host, Accept: 'text/html, application/json;q=0.9', Connection: 'close' };
  const path = `${url.pathname}${url.search}`;
  return waitForResponse(request({ createConnection: () => socket, setHost: false, path, headers }).end());
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString();
}
