import { tooWeak } from '../../core/actor.ts';
import type { TrpcContext } from './context.ts';

export interface EnteredCall {
  readonly ctx: TrpcContext;
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly path: string;
}
/** Runs before every procedure and refuses a call by throwing. Its result is disposed after the call. */
export type Middleware = (call: EnteredCall) => Disposable | undefined;

const refuseChangesByReaders: Middleware = ({ ctx, type }) => {
  if (type === 'mutation' && ctx.actor.role === 'reader') throw tooWeak(ctx.actor);
  return undefined;
};

/** A subscription outlives this call, so `subscription.ts` counts it. */
const limitOpenCalls: Middleware = ({ ctx, type }) => (type === 'subscription' ? undefined : ctx.calls.enter());

/** Run in this order on every transport. A middleware that stands only in a `.use` would miss the short queries. */
export const middlewares: readonly Middleware[] = [refuseChangesByReaders, limitOpenCalls];
