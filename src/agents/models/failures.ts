import { AppError, type ErrorCode } from '../../core/errors/errors.ts';
import { toReadableModel } from '../../core/model/runs/readable-model.ts';
import type { Secret } from '../../core/text/secret.ts';
import { maskSecret } from '../../core/text/secret-forms.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { FailedTurn, TurnPart } from './model.ts';
import { maxRetryAfterMs } from './retry.ts';
import type { Watchdog } from './watchdog.ts';

export interface ProviderErrorResponse {
  readonly status: number;
  readonly text: string;
  readonly names?: readonly string[];
  readonly retryAfterMs?: number | undefined;
}

export interface ProviderSettingNames {
  /** Shown to users, for example `OPENAI_API_KEY (models.openai.api-key)`. */
  readonly key: string;
  readonly baseUrl: string;
}

export function toProviderErrorTurn(
  refusal: ProviderErrorResponse,
  model: string,
  advice: ProviderSettingNames,
): FailedTurn {
  const code = toErrorCode(refusal);
  const text = truncateEnd(refusal.text.trim(), 300);
  const message = `${toReadableModel(model)} answered ${refusal.status}${text === '' ? '.' : `: ${text}${/[.!?]$/.test(text) ? '' : '.'}`}`;
  const { retryAfterMs = 0 } = refusal;
  const isFarOff = waiting.has(code) && retryAfterMs > maxRetryAfterMs;
  const remedy = isFarOff
    ? `It accepts requests again in ${duration(retryAfterMs)}: try again then, or choose another model.`
    : remedies[code]?.(advice);
  return {
    kind: 'failed',
    code,
    message: remedy === undefined ? message : `${message} ${remedy}`,
    retryable: waiting.has(code) && !isFarOff,
    ...(refusal.retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function duration(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes <= 120) return `${minutes} minutes`;
  const hours = Math.ceil(minutes / 60);
  return hours <= 48 ? `${hours} hours` : `${Math.ceil(hours / 24)} days`;
}

const redirects = new Set([301, 302, 303, 307, 308]);
/** Throws forbidden, because a redirect would send the key to another address. */
export function rejectRedirect(response: Response, requested: string): void {
  if (!redirects.has(response.status)) return;
  void response.body?.cancel().catch(() => {});
  const location = response.headers.get('location');
  const target = location && URL.canParse(location, requested) ? new URL(location, requested) : undefined;
  const shown = target ? truncateEnd(`${target.origin}${target.pathname}`, 300) : 'no address';
  const text = `${new URL(requested).host} redirects to ${shown} (status ${response.status}). The key is not sent there.`;
  throw new AppError('forbidden', text);
}

const waiting: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'model_overloaded',
  'model_rate_limited',
  'provider_error',
]);

const remedies: Partial<Record<ErrorCode, (advice: ProviderSettingNames) => string>> = {
  model_unauthorized: ({ key }) => `Set ${key} to a key that can use this model.`,
  model_unknown: ({ baseUrl }) => `Check the name after the slash in the setting model, and ${baseUrl}.`,
  model_quota: () => "The provider's account has no quota left: increase it there, or choose another model.",
  model_refused: () => "The provider's rules do not allow this content: rephrase it, or choose another model.",
  model_context: () => 'The conversation is too long for this model.',
};

const tooLong =
  /context[_ ](length|window|size)|maximum (context|prompt)|too (long|large|many tokens)|token count|input token/i;
const noQuota = /insufficient_quota|credit balance|billing_hard_limit|out of credits|credits are depleted/i;
const refused = /content[_ ](policy|filter|management)|invalid_prompt|flagged|safety|blocked by|usage policy/i;

function toErrorCode({ status, text, names = [] }: ProviderErrorResponse): ErrorCode {
  const message = [text, ...names].join(' ');
  if (status === 402 || noQuota.test(message)) return 'model_quota';
  if (status === 401 || status === 403 || /api[_ ]key/i.test(message)) return 'model_unauthorized';
  if (status === 404) return 'model_unknown';
  if (status === 413 || (status === 400 && tooLong.test(message))) return 'model_context';
  if (status === 429) return 'model_rate_limited';
  if (status === 503 || status === 529) return 'model_overloaded';
  if (status >= 500 || status === 408 || status === 409) return 'provider_error';
  return refused.test(message) ? 'model_refused' : 'model_rejected';
}

/** Quotes only an AppError, whose text is public. */
export function toUnreachableTurn(model: string, advice: ProviderSettingNames, thrown?: unknown): FailedTurn {
  const why = thrown instanceof AppError ? thrown : undefined;
  const message = why
    ? `${toReadableModel(model)} cannot be reached: ${why.publicMessage} Check that its server is running, and check ${advice.baseUrl}.`
    : `${toReadableModel(model)} cannot be reached, or its reply was cut off. Check the network and ${advice.baseUrl}.`;
  return { kind: 'failed', code: 'model_unavailable', message, retryable: why?.code !== 'forbidden' };
}

const stalledTurn = (model: string, ms: number): FailedTurn => ({
  kind: 'failed',
  code: 'model_stalled',
  message: `${toReadableModel(model)} sent nothing for ${ms / 1_000} s. If it stays so slow, check its server or choose another model.`,
  retryable: true,
});

interface BrokenTurn {
  readonly signal: AbortSignal;
  readonly silence: Pick<Watchdog, 'bit'>;
  readonly model: string;
  readonly idleMs: number;
  readonly key: Secret | undefined;
}

/** Removes the key from errors, because providers quote requests in them. */
export function toTurnEnd({ signal, silence, model, idleMs, key }: BrokenTurn, failureOf: () => FailedTurn): TurnPart {
  if (signal.aborted) return { type: 'end', outcome: { kind: 'cancelled' } };
  const failure = silence.bit() ? stalledTurn(model, idleMs) : failureOf();
  const message = key === undefined ? failure.message : maskSecret(failure.message, key, '[key]');
  return { type: 'end', outcome: { ...failure, message } };
}
