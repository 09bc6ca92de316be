import { AppError, toAppError } from '../../../core/errors/errors.ts';

const texts = {
  sandbox_unavailable:
    'The sandbox could not be started because of a fault on the server. Try again in a moment. If it fails again, the ' +
    "operator finds the cause in the server's log under the id of this session.",
  sandbox_lost:
    'The sandbox was lost because of a fault on the server. Its next use starts it again. The operator finds the cause ' +
    "in the server's log under the id of this session.",
} as const;

/**
 * The failure of a sandbox's start (`sandbox_unavailable`) or use (`sandbox_lost`). An error without a code becomes the
 * cause: only the operator's log shows its text, which can name paths and addresses of the server.
 */
export function sandboxFailure(thrown: unknown, code: keyof typeof texts): AppError {
  const failure = toAppError(thrown);
  if (failure === thrown || failure.code !== 'internal') return failure;
  return new AppError(code, texts[code], { cause: thrown });
}
