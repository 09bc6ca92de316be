import { trimEndCharacters } from '../core/text/text.ts';
import { type FileContent, toRequestInit } from './bodies.ts';
import { type CorralClient, type CorralClientOptions, createCorralClient } from './client.ts';
import {
  type CorralErrorCode,
  createNotCorralError,
  createServerError,
  createUnreachableError,
  toCorralError,
} from './errors.ts';

export interface AbortOptions {
  readonly signal?: AbortSignal;
}
export interface SizedStream {
  readonly size: number;
  readonly body: ReadableStream<Uint8Array>;
}

export interface Connection {
  readonly address: string;
  readonly api: CorralClient;
  /** Calls `work` with `api`. Rejects with a CorralError if the call fails. */
  call<Result>(work: (api: CorralClient) => Promise<Result>): Promise<Result>;
  /** Resolves with any status. Rejects with a CorralError if no server answers, or with the signal's reason. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Resolves with a successful response. Rejects with a CorralError, or with the signal's reason. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** By default, sends a PUT request with the type application/octet-stream. */
  upload(
    path: string,
    content: FileContent,
    options: AbortOptions & { readonly method?: string; readonly type?: string },
  ): Promise<Response>;
  /** A broken transfer fails with an error instead of ending the stream early. */
  download(path: string, options: AbortOptions): Promise<SizedStream>;
}

export function connect(options: CorralClientOptions): Connection {
  const address = trimEndCharacters(options.url, '/');
  const api = createCorralClient(options);
  const own: Record<string, string> = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  const ask: Connection['fetch'] = (path, init = {}) => {
    const headers = { ...own, ...(init.headers as Record<string, string> | undefined) };
    return fetch(address + path, { ...init, headers }).catch((cause: unknown) => {
      if (init.signal?.aborted) throw cause;
      throw createUnreachableError(address, cause);
    });
  };
  const request: Connection['request'] = async (path, init) => {
    const response = await ask(path, init);
    if (!response.ok) throw await refusal(response, address);
    return response;
  };
  return {
    address,
    api,
    call: (work) =>
      work(api).catch((thrown: unknown) => {
        throw toCorralError(thrown, address);
      }),
    fetch: ask,
    request,
    async upload(path, content, { method = 'PUT', type = 'application/octet-stream', ...options }) {
      const body = await toRequestInit(content);
      return await request(path, { method, headers: { 'content-type': type }, ...options, ...body });
    },
    async download(path, options) {
      const { headers, body } = await request(path, options);
      return { size: Number(headers.get('content-length')), body: body ?? new Blob([]).stream() };
    },
  };
}

const codes: Readonly<Record<number, CorralErrorCode>> = {
  400: 'invalid_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  412: 'file_changed',
  413: 'payload_too_large',
  422: 'invalid_request',
  429: 'rate_limited',
  501: 'unsupported',
};

async function refusal(response: Response, address: string): Promise<Error> {
  const reply = (await response.json().catch(() => undefined)) as { detail?: unknown } | undefined;
  if (reply?.detail === undefined) return createNotCorralError(address, response.status);
  const text =
    typeof reply.detail === 'string'
      ? reply.detail
      : (reply.detail as { msg: string; loc: unknown[] }[]).map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`).join('; ');
  const retryable = response.status >= 500 && response.status !== 501;
  return createServerError(codes[response.status] ?? 'internal', text, { address, retryable });
}
