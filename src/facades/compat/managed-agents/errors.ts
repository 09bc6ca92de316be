import { AppError, type ErrorCode, toAppError } from '../../../core/errors/errors.ts';
import { type ErrorStyle, InvalidRequestError } from '../../../http/errors/error-style.ts';
import { toPublicMessage, wireErrors } from '../../../http/errors/wire-errors.ts';

interface ErrorDetails {
  /** SDKs use this code to choose a more specific error class. */
  readonly errorCode?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly status?: number;
  /** Set only if the status is used for more than one error type. */
  readonly type?: string;
  /** A retry may succeed, although the status normally means a permanent error. */
  readonly isTemporary?: true;
}
export class ManagedAgentsError extends AppError {
  readonly narrow: ErrorDetails;
  constructor(code: ErrorCode, message: string, narrow: ErrorDetails = {}) {
    super(code, message);
    this.narrow = narrow;
  }
}
export const invalidRequestError = (message: string, errorCode?: string) =>
  new ManagedAgentsError('invalid_request', message, errorCode === undefined ? {} : { errorCode });
export const rethrowNotFoundAs =
  (message: string, errorCode?: string) =>
  (thrown: unknown): never => {
    if (toAppError(thrown).code !== 'not_found') throw thrown;
    throw new ManagedAgentsError('not_found', message, errorCode === undefined ? {} : { errorCode });
  };
/** Reports an area of the API that this server lacks. Clients must not retry. */
export const notSupportedError = (what: string) =>
  new ManagedAgentsError('unsupported', `${what} are not supported by this server`, { errorCode: 'not_supported' });
export const unsupportedFieldError = (field: string, accepted: string) =>
  invalidRequestError(`${field} is not supported by this server; ${accepted}`, 'not_supported');

const types: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  503: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};
/** Sent with `x-should-retry: false`, because a retry cannot succeed. */
const final: ReadonlySet<number> = new Set([409, 412, 501]);

const statusOf = (error: AppError): number => {
  if (error instanceof ManagedAgentsError && error.narrow.status !== undefined) return error.narrow.status;
  if (error instanceof InvalidRequestError) return 400;
  if (error.code === 'sandbox_capacity') return 429;
  return wireErrors[error.code].http;
};

export function toErrorBody(status: number, error: AppError, requestId: string) {
  const { errorCode, details, type: own } = error instanceof ManagedAgentsError ? error.narrow : {};
  const more = { ...(errorCode !== undefined && { error_code: errorCode }), ...details };
  const type = own ?? types[status] ?? (status >= 500 && status !== 501 ? 'api_error' : 'invalid_request_error');
  const isUsual = status === 401 && !(error instanceof ManagedAgentsError);
  const message = isUsual ? 'A valid key is needed, as a bearer token or in x-api-key.' : toPublicMessage(error);
  return {
    type: 'error',
    error: { type, message, ...(Object.keys(more).length > 0 && { details: more }) },
    request_id: requestId,
  };
}

export const managedAgentsErrorStyle: ErrorStyle = {
  status: statusOf,
  body: (status, error, requestId = '') => toErrorBody(status, error, requestId),
  headers: (status, error) => ({
    ...((final.has(status) || error.code === 'quota') &&
      !(error instanceof ManagedAgentsError && error.narrow.isTemporary) && { 'x-should-retry': 'false' }),
  }),
  idHeader: 'request-id',
};
