import type { TRPCError } from '@trpc/server';
import { getHTTPStatusCodeFromError } from '@trpc/server/http';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import { z } from 'zod';
import { errorDocsPathOf } from '../../core/errors/error-pages.ts';
import { AppError, type ErrorCode, toAppError } from '../../core/errors/errors.ts';
import type { ErrorStyle } from '../../http/errors/error-style.ts';
import { toPublicMessage, wireErrors } from '../../http/errors/wire-errors.ts';

type TrpcCode = keyof typeof TRPC_ERROR_CODES_BY_KEY;

export interface TrpcErrorData {
  readonly code: TrpcCode;
  readonly httpStatus: number;
  readonly path?: string;
  readonly reason: ErrorCode;
  readonly retryable: boolean;
  readonly docs?: string;
  readonly fields?: Readonly<Record<string, string>>;
}
export interface TrpcErrorShape {
  readonly message: string;
  readonly code: (typeof TRPC_ERROR_CODES_BY_KEY)[TrpcCode];
  readonly data: TrpcErrorData;
}

/** Never contains a stack trace or another library's message. */
export function toTrpcErrorShape(error: TRPCError, path?: string): TrpcErrorShape {
  const known = fromTrpcError(error);
  const own = isOfTrpc(error) ? error.code : wireErrors[known.code].trpc;
  const status = isOfTrpc(error) ? getHTTPStatusCodeFromError(error) : wireErrors[known.code].http;
  const { data, ...rest } = shape(own, status, known, path);
  const fields = error.cause instanceof z.ZodError ? fieldsOf(error.cause) : fieldOf(known);
  return { ...rest, data: { ...data, ...(fields && { fields }) } };
}

const fieldsOf = ({ issues }: z.ZodError): Record<string, string> =>
  Object.fromEntries(issues.map(({ path, message }) => [path.join('.'), message]).reverse());
const fieldOf = ({ field, publicMessage }: AppError): Record<string, string> | undefined =>
  field === undefined ? undefined : { [field]: publicMessage };

function shape(code: TrpcCode, httpStatus: number, known: AppError, path?: string): TrpcErrorShape {
  const docs = errorDocsPathOf(known.code);
  return {
    message: toPublicMessage(known),
    code: TRPC_ERROR_CODES_BY_KEY[code],
    data: {
      code,
      httpStatus,
      ...(path !== undefined && { path }),
      reason: known.code,
      retryable: known.retryable,
      ...(docs !== undefined && { docs }),
    },
  };
}

export function fromTrpcError(error: TRPCError): AppError {
  if (error.cause instanceof AppError) return error.cause;
  if (error.code === 'BAD_REQUEST' && error.cause instanceof z.ZodError) {
    return new AppError('invalid_request', textOf(error.cause), { cause: error });
  }
  if (!isOfTrpc(error)) return toAppError(error.cause ?? error);
  // An error with a cause contains another library's text.
  const text = error.cause ? 'The request could not be read.' : error.message;
  return new AppError(error.code === 'NOT_FOUND' ? 'not_found' : 'invalid_request', text, { cause: error });
}

function isOfTrpc(error: TRPCError): boolean {
  if (error.cause instanceof AppError || error.cause instanceof z.ZodError) return false;
  return getHTTPStatusCodeFromError(error) < 500;
}

function textOf({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `${path.join('.') || 'input'}: ${message}`).join('; ');
}

export const trpcErrorStyle: ErrorStyle = {
  status: (error) => wireErrors[error.code].http,
  body: (status, error) => {
    const code = status === 405 ? 'METHOD_NOT_SUPPORTED' : status === 426 ? 'BAD_REQUEST' : wireErrors[error.code].trpc;
    return { error: shape(code, status, error) };
  },
};
