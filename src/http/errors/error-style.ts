import { AppError } from '../../core/errors/errors.ts';
import { toPublicMessage, wireErrors } from './wire-errors.ts';

export interface ValidationIssue {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
}

export class InvalidRequestError extends AppError {
  readonly issues: readonly ValidationIssue[];
  constructor(issues: readonly ValidationIssue[], text: string) {
    super('invalid_request', text);
    this.issues = issues;
  }
}

export interface ErrorStyle {
  status(error: AppError): number;
  body(status: number, error: AppError, requestId?: string): object;
  headers?(status: number, error: AppError): Readonly<Record<string, string>>;
  readonly idHeader?: string;
}

const httpStatus = (error: AppError): number => wireErrors[error.code].http;

export const envelopeErrorStyle: ErrorStyle = {
  status: httpStatus,
  body: (status, error) => ({
    code: status,
    msg: status === 401 ? 'Unauthorized' : toPublicMessage(error),
    data: null,
  }),
};

export const detailErrorStyle: ErrorStyle = {
  status: (error) => (error instanceof InvalidRequestError ? 422 : httpStatus(error)),
  body: (status, error) => {
    if (status === 422 && error instanceof InvalidRequestError) return { detail: error.issues };
    return { detail: status === 401 ? 'Not authenticated' : toPublicMessage(error) };
  },
};

export function findErrorStyle(styles: ReadonlyMap<string, ErrorStyle>, url: string): ErrorStyle {
  const path = url.split('?', 1)[0] ?? '';
  for (const [prefix, style] of styles) {
    if (path === prefix || path.startsWith(`${prefix}/`)) return style;
  }
  return detailErrorStyle;
}
