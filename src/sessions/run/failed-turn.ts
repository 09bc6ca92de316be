import type { TurnResult } from '../../../machines/run.ts';
import type { FailedTurn } from '../../agents/models/model.ts';

/** The machine's word for a request that failed. */
export const failedTurn = ({ code, message, retryable, retryAfterMs }: FailedTurn): TurnResult => ({
  kind: 'failed',
  code,
  message,
  retryable,
  retryAfterMs,
});
