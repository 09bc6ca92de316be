import type { TurnResult } from '../../../machines/run.ts';
import { nothingSpent } from '../../../machines/run-rules.ts';
import type { FailedTurn } from '../../agents/models/model.ts';

/** The machine's word for a request that failed, or that a budget kept from being sent. */
export const failedTurn = ({ code, message, retryable, retryAfterMs, over }: FailedTurn): TurnResult =>
  over
    ? { kind: 'unaffordable', over, spent: nothingSpent }
    : { kind: 'failed', code, message, retryable, retryAfterMs };
