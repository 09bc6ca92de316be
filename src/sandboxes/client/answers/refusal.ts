import { AppError, type ErrorCode } from '../../../core/errors/errors.ts';

/** Other error codes become `sandbox_unavailable`, except `fenced` for requests with an epoch. */
const itsOwn: ReadonlySet<string> = new Set<ErrorCode>([
  'invalid_request',
  'path_outside',
  'not_found',
  'file_not_found',
  'file_changed',
  'shell_not_found',
  'conflict',
  'payload_too_large',
  'unsupported',
  'quota',
  'oom',
  'sandbox_unavailable',
]);

export function toRefusalError(
  { error: { code, message } }: { readonly error: { readonly code: string; readonly message: string } },
  { epoch }: { readonly epoch: number | undefined },
): AppError {
  const mayFence = code === 'fenced' && epoch !== undefined;
  return new AppError(mayFence || itsOwn.has(code) ? (code as ErrorCode) : 'sandbox_unavailable', message);
}
