import { trimEndCharacters } from '../core/text/text.ts';
import { type CorralClient, type CorralClientOptions, createCorralClient } from './client.ts';
import {
  type CorralErrorCode,
  corralError,
  createUnreachableError,
  notCorralServerError,
  toCorralError,
} from './errors.ts';

/** One server: its procedures, and its streams over plain HTTP. */
export interface Connection {
  readonly address: string;
  readonly api: CorralClient;
  /** Calls `api`. Failures reject with a CorralError. */
  call<Result>(work: (api: CorralClient) => Promise<Result>): Promise<Result>;
  /**
   * Resolves with an answer of any status. Rejects with a CorralError if no server answers, or with the signal's
   * reason.
   */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Resolves with a successful answer. Rejects with a CorralError, or with the signal's reason. */
  request(path: string, init?: RequestInit): Promise<Response>;
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
  return {
    address,
    api,
    call: (work) =>
      work(api).catch((thrown: unknown) => {
        throw corralError(thrown, address);
      }),
    fetch: ask,
    async request(path, init) {
      const response = await ask(path, init);
      if (!response.ok) throw await refusal(response, address);
      return response;
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
  if (reply?.detail === undefined) return notCorralServerError(address, response.status);
  const text =
    typeof reply.detail === 'string'
      ? reply.detail
      : (reply.detail as { msg: string; loc: unknown[] }[]).map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`).join('; ');
  const retryable = response.status >= 500 && response.status !== 501;
  return toCorralError(codes[response.status] ?? 'internal', text, { address, retryable });
}
