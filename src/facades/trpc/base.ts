import { initTRPC } from '@trpc/server';
import type { SignedUrls } from '../../auth/signed-url.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { Services } from '../../session/services.ts';
import { call } from './calling.ts';
import { errorShape } from './errors.ts';

const maxCalls = 1_000;

export type TrpcServices = Pick<Services, 'sessions' | 'files' | 'processes' | 'sandboxes' | 'desktop' | 'projects'>;

/** What procedures share, and what belongs to one connection. */
export interface TrpcContext {
  readonly services: TrpcServices;
  /** Does the work at most once per key, and gives the first answer again; content that differs is a conflict. */
  readonly once: <Answer>(key: readonly string[], content: string, work: () => Promise<Answer>) => Promise<Answer>;
  readonly version: string;
  /** Makes a link that works without a token. */
  readonly sign: SignedUrls['sign'];
  readonly clock: Clock;
  readonly calls: CallCount;
  /** Resolves when the client has room for more. */
  drained(): Promise<void>;
}

/** How many calls one connection has open; a socket could otherwise ask without end. */
export class CallCount {
  #open = 0;
  /** Rejects: rate_limited. */
  enter(): Disposable {
    if (this.#open >= maxCalls) throw new AppError('rate_limited', `More than ${maxCalls} calls at once.`);
    this.#open++;
    return { [Symbol.dispose]: () => void this.#open-- };
  }
}

const t = initTRPC.context<TrpcContext>().create({
  isDev: false,
  errorFormatter: ({ error, path }) => errorShape(error, path),
  // The client notices a dead line by the missing pings, and comes again with its last id.
  sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
});

export const router = t.router;
// tRPC's own hook for calling procedures in another way; its types would make of them plain functions, which they are not.
export const procedure = t.procedure.experimental_caller(call) as unknown as typeof t.procedure;

/** For callers that give none. */
export const never: AbortSignal = new AbortController().signal;
