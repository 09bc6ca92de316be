import { AppError, type ErrorCode } from '../../../core/errors/errors.ts';

/**
 * Error codes that a daemon may use, plus `fenced` for requests with an epoch. All others become `sandbox_unavailable`.
 */
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
