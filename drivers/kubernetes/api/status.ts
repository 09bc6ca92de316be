import { AppError } from '../../../src/core/errors/errors.ts';

/** The API server's refusal, with the delay from its headers. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
}

const isRefusal = (value: unknown): value is Refusal =>
  typeof value === 'object' && value !== null && 'status' in value && 'reason' in value;

/** The refusal behind an API error. Undefined if the API server did not answer. */
export function findRefusal(thrown: unknown): Refusal | undefined {
  const cause = thrown instanceof AppError ? thrown.cause : undefined;
  return isRefusal(cause) ? cause : undefined;
}
export const statusOf = (thrown: unknown): number | undefined => findRefusal(thrown)?.status;

/** Translates a non-2xx answer for callers that start sandboxes. */
export function refusedError(what: string, cause: Refusal): AppError {
  const { status, message, retryAfterMs } = cause;
  const options = { cause, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  const quota = /exceeded quota: ([^,]+), requested: (.+)/.exec(message);
  if (status === 403 && quota) {
    return new AppError(
      'quota',
      `The namespace's quota is used up (${quota[0]}). End sandboxes, or raise it.`,
      options,
    );
  }
  if (
    status === 403 &&
    /violates PodSecurity|admission webhook|is forbidden: (minimum|maximum|failed quota)/.test(message)
  ) {
    return new AppError('sandbox_unavailable', `The cluster rejected the sandbox: ${message}`, options);
  }
  if (status === 401) {
    return new AppError(
      'driver_unavailable',
      'The Kubernetes API does not accept the credentials of this server.',
      options,
    );
  }
  if (status === 403) {
    return new AppError(
      'driver_unavailable',
      `The Kubernetes API does not allow this server to ${what}: ${message}`,
      options,
    );
  }
  if (status === 404 && /^namespaces /.test(message)) {
    return new AppError('driver_unavailable', `The namespace of the sandboxes is missing: ${message}`, options);
  }
  if (status === 429 || status >= 500) {
    return new AppError('driver_unavailable', `The Kubernetes API cannot ${what} now (${status}).`, options);
  }
  return new AppError('sandbox_unavailable', `The Kubernetes API refused to ${what}: ${message}`, options);
}

export function unansweredError(cause: unknown): AppError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return new AppError('driver_unavailable', `The Kubernetes API does not answer${code ? ` (${code})` : ''}.`, {
    cause,
  });
}
