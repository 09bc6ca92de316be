import { AppError, type ErrorCode, toAppError } from '../../core/errors/errors.ts';

/** Error codes that reach the parent unchanged, because they concern the server itself or show the model how to proceed. */
const plain: readonly ErrorCode[] = [
  'cancelled',
  'conflict',
  'fenced',
  'file_not_found',
  'internal',
  'invalid_request',
  'not_found',
  'path_outside',
  'payload_too_large',
  'shutting_down',
  'store_busy',
  'store_corrupt',
  'store_unavailable',
];

/**
 * Turns a child's errors into `conflict`, or `not_found` if the child is gone, so that they do not fail the parent's run. Codes
 * in `plain` are kept.
 */
export async function convertChildErrors<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (thrown) {
    const error = toAppError(thrown);
    if (plain.includes(error.code)) throw error;
    const isGone = error.code === 'session_not_found';
    throw new AppError(isGone ? 'not_found' : 'conflict', isGone ? 'The child is gone.' : error.publicMessage, {
      cause: error,
    });
  }
}

export const ignoreChildNotFound = (thrown: unknown): undefined => {
  if (!['session_not_found', 'file_not_found'].includes(toAppError(thrown).code)) throw thrown;
};
