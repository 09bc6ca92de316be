import { GoogleGenerativeAIFetchError } from '@google/generative-ai';
import { refusedTurn, type SettingNames } from '../failures.ts';
import type { FailedTurn } from '../model.ts';

/** The provider's error, from the status or from inside the stream. */
export interface GeminiRefusal {
  readonly status: number;
  readonly text: string;
  readonly details: readonly unknown[];
}

export function refusalOf(thrown: unknown): GeminiRefusal | undefined {
  if (!(thrown instanceof GoogleGenerativeAIFetchError) || thrown.status === undefined) return undefined;
  // The message has the address, [status], the provider's text and the details as JSON. Only the text is for people.
  const said = thrown.message.slice(thrown.message.indexOf(`[${thrown.status}`)).replace(/^\[[^\]]*\] ?/, '');
  const details = thrown.errorDetails ?? [];
  const text = details.length > 0 ? said.replace(JSON.stringify(details), '') : said;
  return { status: thrown.status, text: text.trim(), details };
}

interface RequestInfo {
  readonly name: string;
  readonly advice: SettingNames;
  /** The wait that the response's header asks for. */
  readonly retryAfterMs: number | undefined;
}
export function failureOf(refusal: GeminiRefusal, { name, advice, retryAfterMs }: RequestInfo): FailedTurn {
  const { status, text, details } = refusal;
  const names = details.map((detail) => String((detail as { reason?: unknown } | null)?.reason ?? ''));
  const after = retryInfo(details) ?? retryAfterMs;
  return refusedTurn({ status, text, names, retryAfterMs: after }, name, advice);
}

/** `{"@type": "…/google.rpc.RetryInfo", "retryDelay": "3.5s"}` */
function retryInfo(details: readonly unknown[]): number | undefined {
  for (const detail of details as readonly { retryDelay?: unknown }[]) {
    const seconds = /^(\d+(?:\.\d+)?)s$/.exec(String(detail?.retryDelay ?? ''))?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  }
  return undefined;
}
