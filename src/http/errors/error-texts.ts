import { AppError, type ErrorCode } from '../../core/errors/errors.ts';

export type ErrorTexts = Partial<Record<ErrorCode, string>>;

/** Replaces error messages with the texts that some clients match exactly. */
export async function withErrorTexts<Result>(texts: ErrorTexts, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    throw rewordError(thrown, texts);
  }
}

export function rewordError(thrown: unknown, texts: ErrorTexts): unknown {
  if (!(thrown instanceof AppError) || thrown.constructor !== AppError) return thrown;
  const text = texts[thrown.code];
  if (text === undefined) return thrown;
  const { cause, retryAfterMs } = thrown;
  return new AppError(thrown.code, text, { cause, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}
