import { initTRPC } from '@trpc/server';
import { tooWeak } from '../../core/model/principal.ts';
import type { TrpcContext } from './context.ts';
import { errorShape } from './errors.ts';

const t = initTRPC.context<TrpcContext>().create({
  isDev: false,
  errorFormatter: ({ error, path }) => errorShape(error, path),
  // The client notices a dead connection by the missing pings and resumes with its last id.
  sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
});

export const router = t.router;

/** The base of every procedure: readers change nothing, and a connection has a limited number of open calls. */
export const procedure = t.procedure.use(async ({ ctx, type, next }) => {
  if (type === 'mutation' && ctx.principal.role === 'reader') throw tooWeak(ctx.principal);
  // A subscription outlives this call, so `subscription.ts` counts it.
  using _call = type === 'subscription' ? undefined : ctx.calls.enter();
  return await next();
});
