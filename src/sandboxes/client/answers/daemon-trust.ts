import type { AppError } from '../../../core/errors/errors.ts';
import { type BreachData, untrustedError } from '../../../core/model/protocol-violation.ts';

/** Whether answers over one connection to a sandbox are still taken for its daemon's. */
export interface DaemonTrust {
  /** Fires once, with the AppError. The client sends no request after that. */
  readonly broken: AbortSignal;
  /** Ends the trust, and returns the error to throw. */
  reportViolation(breach: BreachData): AppError;
}

export function openDaemonTrust(): DaemonTrust {
  const end = new AbortController();
  return {
    broken: end.signal,
    reportViolation(breach) {
      const error = untrustedError(breach);
      end.abort(error);
      return error;
    },
  };
}
