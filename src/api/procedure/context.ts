import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';
import type { PreviewLinks, RequestAddress } from './preview-links.ts';

const maxCalls = 1_000;

export type TrpcCallerContext = CallerContext;
export interface TrpcContext extends TrpcCallerContext {
  readonly previews: PreviewLinks;
  readonly reached: RequestAddress;
  readonly version: string;
  readonly clock: Clock;
  readonly calls: CallLimiter;
  drained(): Promise<void>;
}

/** Limits the number of open calls on one connection. */
export class CallLimiter {
  #open = 0;
  enter(): Disposable {
    if (this.#open >= maxCalls)
      throw new AppError('rate_limited', `More than ${maxCalls} calls are in progress on this connection.`);
    this.#open++;
    return { [Symbol.dispose]: () => void this.#open-- };
  }
}
