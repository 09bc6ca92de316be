import { AppError, type ErrorCode } from '../../../src/core/errors/errors.ts';

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
  const { retryAfterMs } = cause;
  const [code, text] = explain(what, cause);
  return new AppError(code, text, { cause, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

const rejected = /violates PodSecurity|admission webhook|is forbidden: (minimum|maximum|failed quota)/;

function explain(what: string, { status, message }: Refusal): readonly [ErrorCode, string] {
  const [quota] = (status === 403 && /exceeded quota: ([^,]+), requested: (.+)/.exec(message)) || [];
  if (quota) return ['quota', `The namespace's quota is used up (${quota}). End sandboxes, or raise it.`];
  if (status === 403 && rejected.test(message))
    return ['sandbox_unavailable', `The cluster rejected the sandbox: ${message}`];
  if (status === 401)
    return ['driver_unavailable', 'The Kubernetes API does not accept the credentials of this server.'];
  if (status === 403)
    return ['driver_unavailable', `The Kubernetes API does not allow this server to ${what}: ${message}`];
  if (status === 404 && /^namespaces /.test(message))
    return ['driver_unavailable', `The namespace of the sandboxes is missing: ${message}`];
  if (status === 429 || status >= 500)
    return ['driver_unavailable', `The Kubernetes API cannot ${what} now (${status}).`];
  return ['sandbox_unavailable', `The Kubernetes API refused to ${what}: ${message}`];
}

export function unansweredError(cause: unknown): AppError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return new AppError('driver_unavailable', `The Kubernetes API does not answer${code ? ` (${code})` : ''}.`, {
    cause,
  });
}
