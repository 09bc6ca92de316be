import { getTRPCErrorFromUnknown, type TRPCError } from '@trpc/server';
import type { FastifyRequest } from 'fastify';
import { createCallerFactory } from './base.ts';
import type { TrpcContext } from './context.ts';
import { type ErrorShape, errorShape } from './errors.ts';
import { appRouter } from './router.ts';
import { writtenBy } from './unchanging-answers.ts';

// Clients poll a few procedures. A single call of one of these is answered without the Request, Response, Headers and streams
// that tRPC's HTTP adapter creates. tRPC itself runs the procedure, with every middleware. A test compares the answers' bytes.

const createCaller = createCallerFactory(appRouter);
type Caller = ReturnType<typeof createCaller>;
type Procedure = (caller: Caller) => (input: never) => Promise<unknown>;

/** The queries that take the shortcut, by path. All others, batches and mutations are answered by tRPC's adapter. */
export const shortcuts: ReadonlyMap<string, Procedure> = new Map<string, Procedure>([
  ['sessions.get', ({ sessions }) => sessions.get],
  ['sessions.list', ({ sessions }) => sessions.list],
]);

export interface ShortCall {
  readonly path: string;
  readonly procedure: Procedure;
  readonly input: unknown;
}

/** Undefined when tRPC's adapter has to handle the request; nothing was done then. */
export function readShortCall({ headers, method, params, query }: FastifyRequest): ShortCall | undefined {
  if (method !== 'GET' || headers['trpc-accept'] !== undefined || headers.accept?.includes('jsonl')) return undefined;
  const { path } = params as { path: string };
  const { input, batch } = query as { input?: unknown; batch?: unknown };
  const procedure = shortcuts.get(path);
  if (!procedure || batch !== undefined) return undefined;
  const given = parsed(input);
  return given && { path, procedure, input: given.value };
}

function parsed(input: unknown): { readonly value: unknown } | undefined {
  if (input === undefined || input === '') return { value: undefined };
  if (typeof input !== 'string') return undefined;
  try {
    return { value: JSON.parse(input) };
  } catch {
    return undefined;
  }
}

type Answer = { readonly result: { readonly data: unknown } } | { readonly error: ErrorShape };

interface Given {
  readonly ctx: TrpcContext;
  readonly signal: AbortSignal;
  onError(error: TRPCError, path: string): void;
}

export async function answerShortCall(
  { path, procedure, input }: ShortCall,
  { ctx, signal, onError }: Given,
): Promise<{ status: number; body: string }> {
  try {
    const data = await procedure(createCaller(ctx, { signal }))(input as never);
    const answer: Answer = { result: { data } };
    return { status: 200, body: writtenBy(() => JSON.stringify(answer), data) };
  } catch (thrown) {
    const error = getTRPCErrorFromUnknown(thrown);
    onError(error, path);
    const answer: Answer = { error: errorShape(error, path) };
    return { status: answer.error.data.httpStatus, body: JSON.stringify(answer) };
  }
}
