import { APICallError } from '@ai-sdk/provider';
import { type JsonLimits, jsonWithin } from '../../../core/text/json.ts';
import type { Refusal } from '../failures.ts';
import { parseRetryAfter } from '../retry.ts';
import { readErrorText } from './error-text.ts';

/** A longer refusal is reported by its status only. */
const refusalLimits: JsonLimits = { maxBytes: 256 * 1024, maxDepth: 32, maxValues: 10_000 };

/** The provider's refusal in an error that the AI SDK threw or streamed. Undefined for a broken connection. */
export function findRefusal(thrown: unknown, now: number): Refusal | undefined {
  if (APICallError.isInstance(thrown)) {
    const { statusCode, responseHeaders, message, data, responseBody } = thrown;
    if (statusCode === undefined || statusCode < 400) return undefined;
    const body = data ?? jsonWithin(responseBody ?? '', refusalLimits);
    return {
      status: statusCode,
      text: textOf(message, body),
      names: namesIn(body),
      retryAfterMs: delayOf(responseHeaders, now),
    };
  }
  const error = thrown as { statusCode?: unknown; message?: unknown; data?: unknown; type?: unknown; code?: unknown };
  const inside = namesIn(error?.data ?? error);
  const isRefusal = typeof error?.statusCode === 'number' || (typeof error?.message === 'string' && inside.length > 0);
  if (!isRefusal || thrown instanceof TypeError) return undefined;
  return {
    status: typeof error.statusCode === 'number' ? error.statusCode : statusOf(inside),
    text: String(error.message ?? ''),
    names: inside,
  };
}

/** Compatible servers send errors inside a stream in their own forms. */
function statusOf(names: readonly string[]): number {
  const status = names.map(Number).find((n) => n >= 400 && n < 600);
  if (status !== undefined) return status;
  const all = names.join(' ');
  if (/rate_limit|quota|overload/i.test(all)) return 429;
  return /invalid|context|not_found|authentication|permission/i.test(all) ? 400 : 500;
}

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

/** `type` and `code` of an error body, in the places where providers put them. */
function namesIn(body: unknown): string[] {
  if (!isTree(body)) return [];
  const error = isTree(body.error) ? body.error : isTree(body.response) ? (body.response.error as unknown) : body;
  if (!isTree(error)) return [];
  return [error.type, error.code, error.status].filter((name) => name !== undefined && name !== null).map(String);
}

function textOf(message: string, body: unknown): string {
  const error = isTree(body) && isTree(body.error) ? body.error : body;
  if (isTree(error) && typeof error.message === 'string' && error.message !== '') return error.message;
  return readErrorText(body) || message;
}

function delayOf(headers: Record<string, string> | undefined, now: number): number | undefined {
  const exact = headers?.['retry-after-ms'];
  if (exact !== undefined && /^\d{1,9}$/.test(exact)) return Number(exact);
  return parseRetryAfter(headers?.['retry-after'], now);
}
