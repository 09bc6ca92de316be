import { initTRPC } from '@trpc/server';
import { call } from './call-procedure.ts';
import type { TrpcContext } from './context.ts';
import { errorShape } from './errors.ts';

const t = initTRPC.context<TrpcContext>().create({
  isDev: false,
  errorFormatter: ({ error, path }) => errorShape(error, path),
  // The client notices a dead connection by the missing pings and resumes with its last id.
  sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
});

export const router = t.router;
// tRPC's hook to call procedures in another way. Its types would turn procedures into plain functions, so they are cast
// back.
export const procedure = t.procedure.experimental_caller(call) as unknown as typeof t.procedure;

/** The signal for callers that pass none. */
export const never: AbortSignal = new AbortController().signal;
