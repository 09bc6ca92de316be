import type { AppError } from '../../../core/errors/errors.ts';
import { type ProtocolViolationData, toProtocolError } from '../../../core/model/protocol-violation.ts';

export interface DaemonTrust {
  /** Fires at the first violation, with the AppError as its reason. */
  readonly broken: AbortSignal;
  reportViolation(breach: ProtocolViolationData): AppError;
}

export function createDaemonTrust(): DaemonTrust {
  const end = new AbortController();
  return {
    broken: end.signal,
    reportViolation(breach) {
      const error = toProtocolError(breach);
      end.abort(error);
      return error;
    },
  };
}
