import { type AnyProcedure, getTRPCErrorFromUnknown, type TRPCError } from '@trpc/server';
import type { FastifyRequest } from 'fastify';
import type { TrpcContext } from './context.ts';
import { type ErrorShape, errorShape } from './errors.ts';
import { appRouter } from './router.ts';
import { writtenBy } from './unchanging-answers.ts';

// Answers queries and mutations with one JSON text, alone or in a batch, without the Request, Response, Headers and streams
// that tRPC's adapter creates for each. A test ensures that the bytes equal tRPC's.

interface DirectCall {
  readonly path: string;
  readonly procedure: AnyProcedure;
  readonly input: unknown;
}
export interface Direct {
  readonly isBatch: boolean;
  readonly calls: readonly DirectCall[];
}
interface Query {
  readonly input?: unknown;
  readonly batch?: unknown;
}

// by dotted path, despite its type
const procedures: Readonly<Record<string, AnyProcedure>> = appRouter._def.procedures as never;
const typeOf = { GET: 'query', POST: 'mutation' } as const;

/** Undefined when tRPC itself has to handle the request; nothing was done then. */
export function readDirect(request: FastifyRequest, body: unknown, maxBatchSize: number): Direct | undefined {
  const { headers, method } = request;
  if (headers['trpc-accept'] !== undefined || headers.accept?.includes('jsonl')) return undefined;
  const { input, batch } = request.query as Query;
  const { path } = request.params as { path: string };
  if (batch !== undefined && batch !== '1') return undefined;
  const isBatch = batch !== undefined;
  const given = method === 'GET' ? parsed(input) : { value: body };
  const paths = isBatch ? path.split(',') : [path];
  if (!given || paths.length > maxBatchSize) return undefined;
  const inputs = isBatch ? byIndex(given.value) : { 0: given.value };
  if (!inputs) return undefined;
  const calls: DirectCall[] = [];
  for (const [index, one] of paths.entries()) {
    const procedure = Object.hasOwn(procedures, one) ? procedures[one] : undefined;
    if (procedure?._def.type !== typeOf[method as keyof typeof typeOf]) return undefined;
    calls.push({ path: one, procedure, input: inputs[index] });
  }
  return { isBatch, calls };
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

function byIndex(value: unknown): Readonly<Record<number, unknown>> | undefined {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Record<number, unknown>;
}

type Answer = { readonly result: { readonly data: unknown } } | { readonly error: ErrorShape };
interface Given {
  readonly ctx: TrpcContext;
  /** Creates the signal on its first use. */
  readonly signal: () => AbortSignal;
  onError(error: TRPCError, path: string): void;
}

export async function answerDirect(
  { isBatch, calls }: Direct,
  given: Given,
): Promise<{ status: number; body: string }> {
  if (!isBatch) {
    const answer = await answerTo(calls[0] as DirectCall, 0, given);
    return { status: statusOf(answer), body: textOf(answer) };
  }
  const answers = await Promise.all(calls.map((call, index) => answerTo(call, index, given)));
  const statuses = new Set(answers.map(statusOf));
  const [status = 200] = statuses;
  return { status: statuses.size === 1 ? status : 207, body: `[${answers.map(textOf).join(',')}]` };
}

const textOf = (answer: Answer): string =>
  writtenBy(() => JSON.stringify(answer), 'result' in answer ? answer.result.data : undefined);

async function answerTo({ path, procedure, input }: DirectCall, index: number, given: Given): Promise<Answer> {
  try {
    const data = await procedure(new Invocation({ path, procedure, input }, index, given));
    return { result: { data } };
  } catch (thrown) {
    const error = getTRPCErrorFromUnknown(thrown);
    given.onError(error, path);
    return { error: errorShape(error, path) };
  }
}

/**
 * The arguments of a procedure. A class because of its getter: a getter in an object literal gives each object a hidden
 * class of its own, which keeps the whole request in memory until the next full garbage collection.
 */
class Invocation {
  readonly path: string;
  readonly type: AnyProcedure['_def']['type'];
  readonly ctx: TrpcContext;
  readonly batchIndex: number;
  readonly getRawInput: () => Promise<unknown>;
  readonly #signal: () => AbortSignal;

  constructor({ path, procedure, input }: DirectCall, index: number, { ctx, signal }: Given) {
    this.path = path;
    this.type = procedure._def.type;
    this.ctx = ctx;
    this.batchIndex = index;
    this.getRawInput = () => input as never; // returns the input without a promise, which our own procedures accept
    this.#signal = signal;
  }

  get signal(): AbortSignal {
    return this.#signal();
  }
}

const statusOf = (answer: Answer): number => ('error' in answer ? answer.error.data.httpStatus : 200);
