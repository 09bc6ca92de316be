import { getTRPCErrorFromUnknown, type TRPCError } from '@trpc/server';
import type { FastifyRequest } from 'fastify';
import { parseJsonParameter } from '../shared/json-body.ts';
import type { ShortQuery } from './base.ts';
import type { TrpcContext } from './context.ts';
import { type ErrorShape, errorShape } from './errors.ts';
import { getSession, listSessions } from './sessions.ts';
import { writtenBy } from './unchanging-answers.ts';

// Clients poll a few procedures. A single call of one of these is answered without tRPC: over HTTP without the Request,
// Response, Headers and streams of its adapter, over a WebSocket without its handler, and without its chain of layers.
// A test compares the bytes of both ways.

/** The queries that take the shortcut, by path. tRPC answers all others, batches and mutations. */
export const shortcuts: ReadonlyMap<string, ShortQuery> = new Map<string, ShortQuery>([
  ['sessions.get', getSession],
  ['sessions.list', listSessions],
]);

export interface ShortCall {
  readonly path: string;
  readonly query: ShortQuery;
  readonly input: unknown;
}
/** A call in a frame of a WebSocket. */
export interface ShortFrame extends ShortCall {
  readonly id: number | string;
}

/** Undefined when tRPC's adapter has to handle the request; nothing was done then. */
export function readShortCall({ headers, method, params, query: given }: FastifyRequest): ShortCall | undefined {
  if (method !== 'GET' || headers['trpc-accept'] !== undefined || headers.accept?.includes('jsonl')) return undefined;
  const { path } = params as { path: string };
  const { input, batch } = given as { input?: unknown; batch?: unknown };
  const query = shortcuts.get(path);
  if (!query || batch !== undefined) return undefined;
  const read = parsed(input);
  return read && { path, query, input: read.value };
}

function parsed(input: unknown): { readonly value: unknown } | undefined {
  if (input === undefined || input === '') return { value: undefined };
  return typeof input === 'string' ? parseJsonParameter(input) : undefined;
}

/** Undefined when tRPC's handler has to take the frame. */
export function readShortFrame(frame: unknown): ShortFrame | undefined {
  if (typeof frame !== 'object' || frame === null) return undefined;
  const { id, method, params, ...rest } = frame as { id?: unknown; method?: unknown; params?: unknown };
  if (method !== 'query' || (typeof id !== 'number' && typeof id !== 'string')) return undefined;
  if (typeof params !== 'object' || params === null || 'jsonrpc' in rest || 'lastEventId' in params) return undefined;
  const { path, input } = params as { path?: unknown; input?: unknown };
  const query = typeof path === 'string' ? shortcuts.get(path) : undefined;
  return query && { id, path: path as string, query, input };
}

/** The JSON text of the data, or an error in the form that clients read. */
export type ShortAnswer = { readonly data: string } | { readonly error: ErrorShape };

interface Given {
  readonly ctx: TrpcContext;
  onError(error: TRPCError, path: string): void;
}

export async function answerShortCall(
  { path, query, input }: ShortCall,
  { ctx, onError }: Given,
): Promise<ShortAnswer> {
  try {
    const data = await query.answer(ctx, path, input);
    return { data: writtenBy(() => JSON.stringify(data), data) };
  } catch (thrown) {
    const error = getTRPCErrorFromUnknown(thrown);
    onError(error, path);
    return { error: errorShape(error, path) };
  }
}
