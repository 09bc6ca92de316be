const codes = {
  invalid_request: false,
  path_outside: false,
  unauthorized: false,
  forbidden: false,
  not_found: false,
  session_not_found: false,
  file_not_found: false,
  shell_not_found: false,
  conflict: false,
  file_changed: false,
  payload_too_large: false,
  rate_limited: true,
  queue_full: true,
  sandbox_not_found: false,
  sandbox_capacity: true,
  sandbox_unavailable: true,
  sandbox_lost: true,
  sandbox_unresponsive: true,
  sandbox_untrusted: false,
  image_missing: false,
  packages_failed: false,
  driver_unavailable: true,
  quota: false,
  disk_full: true,
  unsupported: false,
  oom: false,
  model_unauthorized: false,
  model_unknown: false,
  model_quota: false,
  model_refused: false,
  model_rejected: false,
  model_context: false,
  model_overloaded: true,
  model_rate_limited: true,
  model_unavailable: true,
  model_stalled: true,
  provider_error: true,
  empty_reply: true,
  agent_failed: false,
  stuck: true,
  restart_intensity: false,
  store_unavailable: true,
  store_busy: true,
  store_corrupt: false,
  fenced: true,
  draining: true,
  shutting_down: true,
  deadline_exceeded: true,
  cancelled: true,
  internal: false,
} as const;
export type ErrorCode = keyof typeof codes;
export const errorCodes = Object.keys(codes) as [ErrorCode, ...ErrorCode[]];

/**
 * `message` is logged. A client gets `code`, `publicMessage`, `retryable` and, in a Retry-After header, `retryAfterMs`,
 * but never `cause`.
 *
 * @example
 * throw new AppError('file_not_found', 'There is no notes.txt in the workspace. List the files first.', { cause });
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly publicMessage: string;
  /** Milliseconds. Set only if the server or a forge imposes a rate limit. */
  readonly retryAfterMs: number | undefined;
  /** The input field with the mistake, such as `schedule.cron`. */
  readonly field: string | undefined;

  constructor(
    code: ErrorCode,
    publicMessage: string,
    options: { cause?: unknown; retryAfterMs?: number; field?: string } = {},
  ) {
    super(`${code}: ${publicMessage}`, options);
    this.code = code;
    this.publicMessage = publicMessage;
    this.retryAfterMs = options.retryAfterMs;
    this.field = options.field;
  }

  get retryable(): boolean {
    return codes[this.code];
  }
}

export const isRetryable = (code: ErrorCode): boolean => codes[code];

/** Converts any thrown value. An unknown error's message stays in `cause`, hidden from clients. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof SuppressedError) {
    // Disposal failed as well. The first failure is the one to report.
    const { code, publicMessage, retryAfterMs } = toAppError(thrown.suppressed);
    return new AppError(code, publicMessage, { cause: thrown, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }
  if (thrown instanceof DOMException && thrown.name === 'TimeoutError') {
    return new AppError('deadline_exceeded', 'The operation took too long. Try again.', { cause: thrown });
  }
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new AppError('cancelled', 'The operation was cancelled.', { cause: thrown });
  }
  return new AppError('internal', 'Something went wrong on our side.', { cause: thrown });
}

export const sandboxLossCodes: ReadonlySet<ErrorCode> = new Set([
  ...(['sandbox_lost', 'sandbox_not_found', 'sandbox_unresponsive', 'cancelled', 'shutting_down', 'fenced'] as const),
]);

const undefinedFor =
  (code: ErrorCode) =>
  (thrown: unknown): undefined => {
    if (toAppError(thrown).code !== code) throw thrown;
  };

/**
 * A `catch` handler that returns undefined if a conditional write lost to another writer. Rethrows all other errors.
 *
 * @example
 * const isFirst = (await records.put(change).catch(ignoreConflict)) !== undefined;
 */
export const ignoreConflict = undefinedFor('conflict');
export const ignoreSessionNotFound = undefinedFor('session_not_found');
export const ignoreNotFound = undefinedFor('not_found');
export const ignoreFileNotFound = undefinedFor('file_not_found');
