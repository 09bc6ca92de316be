import type { AppError } from '../../../core/errors/errors.ts';
import { type BreachData, untrusted } from '../../../core/model/untrusted.ts';

/** Whether answers over one connection to a sandbox are still taken for its daemon's. */
export interface Trust {
  /** Fires once, with the AppError. The client sends no request after that. */
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
