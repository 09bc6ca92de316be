import { GoogleGenerativeAIFetchError } from '@google/generative-ai';
import type { ErrorCode } from '../../core/errors.ts';
import type { TurnOutcome } from '../model.ts';

export type Failure = Extract<TurnOutcome, { kind: 'failed' }>;

/** The provider's error, from the status or from inside the stream. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly details: readonly unknown[];
}

export function refusalOf(thrown: unknown): Refusal | undefined {
  if (!(thrown instanceof GoogleGenerativeAIFetchError) || thrown.status === undefined) return undefined;
  // The message has the address, [status], the provider's text and the details as JSON. Only the text is for people.
  const said = thrown.message.slice(thrown.message.indexOf(`[${thrown.status}`)).replace(/^\[[^\]]*\] ?/, '');
  const details = thrown.errorDetails ?? [];
  const text = details.length > 0 ? said.replace(JSON.stringify(details), '') : said;
  return { status: thrown.status, text: text.trim(), details };
}

/** Decides by the status code whether a retry helps, because callers do not know the codes. */
export function failureOf(refusal: Refusal, model: string, retryAfterMs: number | undefined): Failure {
  const code = codeOf(refusal);
  const after = retryInfo(refusal.details) ?? retryAfterMs;
  return {
    kind: 'failed',
    code,
    message: `${model} answered ${refusal.status}${refusal.text === '' ? '.' : `: ${refusal.text.slice(0, 300)}`}`,
    retryable: retryable.has(code),
    ...(after !== undefined && { retryAfterMs: after }),
  };
}

const retryable: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['model_overloaded', 'provider_error']);

function codeOf({ status, text, details }: Refusal): ErrorCode {
  if (status === 401 || status === 403 || /api key/i.test(text)) return 'model_unauthorized';
  if (status === 400 && (/token count|context/i.test(text) || hasReason(details, 'CONTEXT'))) return 'model_context';
  if (status === 429 || status === 503 || status === 529) return 'model_overloaded';
  return status >= 500 || status === 408 ? 'provider_error' : 'model_rejected';
}

const hasReason = (details: readonly unknown[], part: string): boolean =>
  details.some((detail) => String((detail as { reason?: unknown } | null)?.reason ?? '').includes(part));

/** `{"@type": "…/google.rpc.RetryInfo", "retryDelay": "3.5s"}` */
function retryInfo(details: readonly unknown[]): number | undefined {
  for (const detail of details as readonly { retryDelay?: unknown }[]) {
    const seconds = /^(\d+(?:\.\d+)?)s$/.exec(String(detail?.retryDelay ?? ''))?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  }
  return undefined;
}

export const unreachable = (model: string): Failure => ({
  kind: 'failed',
  code: 'model_unavailable',
  message: `${model} cannot be reached, or broke off its reply.`,
  retryable: true,
});

export const stalled = (model: string, ms: number): Failure => ({
  kind: 'failed',
  code: 'model_stalled',
  message: `${model} sent nothing for ${ms / 1_000} s.`,
  retryable: true,
});
