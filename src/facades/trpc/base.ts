import { initTRPC } from '@trpc/server';
import { call } from './calling.ts';
import type { TrpcContext } from './context.ts';
import { errorShape } from './errors.ts';

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
