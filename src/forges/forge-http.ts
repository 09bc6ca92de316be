import type { z } from 'zod';
import { combineSignals } from '../core/concurrency/cancel.ts';
import { AppError, toAppError } from '../core/errors/errors.ts';
import { parseRetryAfter } from '../core/errors/retry-after.ts';
import { parseJsonWithinLimits } from '../core/text/json.ts';
import type { Secret } from '../core/text/secret.ts';
import type { ForgeHttp, ForgeServer } from './forge.ts';

/** Connects only to the forge server's allowed addresses. Follows no redirects, which could leak the token. */
export type ForgeFetch = (url: string, init: RequestInit) => Promise<Response>;

interface ForgeAccess {
  readonly server: ForgeServer;
  readonly token: Secret;
  readonly fetch: ForgeFetch;
  readonly now: () => number;
}

const requestMs = 20_000;
const maxPages = 10;
const maxAnswerBytes = 4 * 2 ** 20;
const maxMessage = 300;
const jsonLimits = { maxBytes: maxAnswerBytes, maxDepth: 64, maxValues: 500_000 };

export function createForgeHttp(access: ForgeAccess): ForgeHttp {
  const { server, token, fetch } = access;
  const where = `${server.kind.label} at ${new URL(server.webUrl).host}`;
  const base = server.kind.apiUrl(server.webUrl);

  async function ask(path: string, init: RequestInit, signal: AbortSignal) {
    const timed = combineSignals([signal, AbortSignal.timeout(requestMs)]);
    const headers = { 'user-agent': 'Corral', ...server.kind.headers(token.reveal()), ...init.headers };
    try {
      const response = await fetch(`${base}${path}`, { ...init, headers, redirect: 'manual', signal: timed });
      const text = await textWithin(response, where);
      if (response.ok) return { text, headers: response.headers };
      throw refusal(response, text, { ...access, where });
    } catch (thrown) {
      if (timed.aborted && !signal.aborted) {
        throw new AppError(
          'deadline_exceeded',
          `${where} did not answer within ${requestMs / 1_000} seconds. Try again.`,
        );
      }
      throw thrown instanceof AppError || signal.aborted ? toAppError(thrown) : unreachable(where, thrown);
    }
  }

  function parsed<Schema extends z.ZodType>(text: string, schema: Schema): z.output<Schema> {
    try {
      return schema.parse(parseJsonWithinLimits(text, jsonLimits));
    } catch (cause) {
      const why =
        'sent a response that does not match its API. Check the address and kind of the forge in forges.servers.';
      throw new AppError('provider_error', `${where} ${why}`, { cause });
    }
  }

  return {
    async get(path, { answer, query = {} }, signal) {
      const { text } = await ask(withQuery(path, query), {}, signal);
      return parsed(text, answer);
    },
    async post(path, { answer, query = {}, body }, signal) {
      const headers = { 'content-type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify(body) };
      const { text } = await ask(withQuery(path, query), init, signal);
      return parsed(text, answer);
    },
    async list(path, { answer, query = {}, items }, signal) {
      const all = [];
      for (let page = 1; page <= maxPages; page += 1) {
        const { text, headers } = await ask(withQuery(path, { ...query, page }), {}, signal);
        all.push(...items(parsed(text, answer)));
        // Following the response's link could send the token to another host.
        if (!/;\s*rel="?next"?/i.test(headers.get('link') ?? '')) return { items: all, isCut: false };
      }
      return { items: all, isCut: true };
    },
  };
}

function withQuery(path: string, query: Readonly<Record<string, string | number>>): string {
  const entries = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
  return entries.length === 0 ? path : `${path}?${new URLSearchParams(entries)}`;
}

async function textWithin(response: Response, where: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > maxAnswerBytes) {
      throw new AppError('payload_too_large', `${where} answered with more than ${maxAnswerBytes / 2 ** 20} MiB.`);
    }
  }
  return Buffer.concat(chunks).toString();
}

const unreachable = (where: string, cause: unknown) =>
  new AppError('provider_error', `The connection to ${where} was interrupted. Try again.`, { cause });

type RefusedAccess = ForgeAccess & { readonly where: string };

function refusal(response: Response, text: string, { where, token, now }: RefusedAccess): AppError {
  const { status, headers } = response;
  const message = messageIn(text).replaceAll(token.reveal(), '[secret]');
  const because = message ? `: ${message}` : '';
  if (isRateLimit(response)) {
    const retryAfterMs = untilNextTry(headers, now());
    const when = retryAfterMs === undefined ? 'later' : `in ${Math.ceil(retryAfterMs / 1_000)} seconds`;
    const text = `${where} rate-limits this credential. Try again ${when}.`;
    return new AppError('rate_limited', text, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  if (status >= 300 && status < 400) {
    return new AppError('not_found', `${where} reports that the repository has moved. Use its new URL.`);
  }
  switch (status) {
    case 401:
      return new AppError('forbidden', `${where} rejected the credential (401${because}). Store a valid one.`);
    case 403:
      return new AppError(
        'forbidden',
        `${where} refused (403${because}). Grant the credential the missing permission.`,
      );
    case 404:
      return new AppError(
        'not_found',
        `${where} has no such repository, branch or pull request, or the credential cannot see it (404${because}).`,
      );
    case 400:
    case 409:
    case 422:
      return new AppError(
        status === 409 || /already exists|no commits between/i.test(message) ? 'conflict' : 'invalid_request',
        `${where} refused the request (${status}${because}).`,
      );
    default:
      return new AppError('provider_error', `${where} failed (${status}${because}). Try again later.`);
  }
}

/** GitHub responds with 403 when some rate limits are exceeded. */
const isRateLimit = ({ status, headers }: Response) =>
  status === 429 || (status === 403 && (headers.get('x-ratelimit-remaining') === '0' || headers.has('retry-after')));

function untilNextTry(headers: Headers, now: number): number | undefined {
  const after = parseRetryAfter(headers.get('retry-after') ?? undefined, now);
  if (after !== undefined) return after;
  const reset = Number(headers.get('x-ratelimit-reset') ?? headers.get('ratelimit-reset') ?? Number.NaN); // epoch seconds
  return reset > 0 ? Math.max(0, reset * 1_000 - now) : undefined;
}

/** GitHub sends `errors` besides `message`; GitLab's `message` is a string, a list or an object. */
function messageIn(text: string): string {
  const answer = parseJsonWithinLimits(text, jsonLimits);
  const { message, error, errors } = (answer ?? {}) as Record<string, unknown>;
  return [message, error, errors]
    .flatMap(sentences)
    .join(' ')
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, maxMessage);
}

function sentences(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.slice(0, 10).flatMap(sentences);
  if (typeof value !== 'object' || value === null) return [];
  const { message } = value as { readonly message?: unknown };
  return message === undefined ? Object.values(value).slice(0, 10).flatMap(sentences) : sentences(message);
}
