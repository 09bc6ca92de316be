import { AppError, type ErrorCode, toAppError } from '../../core/errors/errors.ts';

/** Failures that end the parent's call as they are: they are the server's, or the model reads what to do. */
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

/** A child that cannot work is no reason for its parent's run to fail. */
export async function withChildErrors<Answer>(call: Promise<Answer>): Promise<Answer> {
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

/** A handler for `catch`: a session or file that is gone becomes undefined. */
export const unlessGone = (thrown: unknown): undefined => {
  if (!['session_not_found', 'file_not_found'].includes(toAppError(thrown).code)) throw thrown;
};
