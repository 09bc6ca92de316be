import type { AppError } from '../core/errors.ts';
import { type BreachData, untrusted } from '../core/untrusted.ts';

/** Whether what comes over one way into a sandbox is still taken for its daemon's. */
export interface Trust {
  /** Fires once, with the AppError; from then on the client asks nothing more. */
  readonly broken: AbortSignal;
  /** Ends the trust, and returns the error to throw. */
  breaks(breach: BreachData): AppError;
}

export function openTrust(): Trust {
  const end = new AbortController();
  return {
    broken: end.signal,
    breaks(breach) {
      const error = untrusted(breach);
      end.abort(error);
      return error;
    },
  };
}
