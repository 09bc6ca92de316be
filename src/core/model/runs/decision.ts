import type { CallAnswer } from '../events.ts';

/** The decision on one call. */
export interface Decision {
  readonly callId: string;
  readonly decision: 'approved' | 'rejected';
  /** A note to the model. */
  readonly text?: string;
  /** An approved call runs with these arguments instead of the model's. */
  readonly args?: Record<string, unknown>;
  /** The result of a call that the session's program or a worker carries out; the tool itself is then not run. */
  readonly result?: CallAnswer;
  /** Further calls of the approved call's tool need no permission in this session. */
  readonly always?: boolean;
}
