import { getTRPCErrorFromUnknown, TRPCError } from '@trpc/server';
import type { z } from 'zod';
import { tooWeak } from '../../core/actor.ts';
import type { TrpcContext } from './context.ts';
import { checkedBy } from './lasting.ts';

/** What tRPC's adapters give to a procedure. */
interface Call {
  readonly ctx: TrpcContext;
  readonly getRawInput: () => unknown;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
  readonly batchIndex: number;
}
/** As the builder leaves it; its own types hide what a procedure was made of. */
interface Definition {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly inputs: readonly z.ZodType[];
  readonly output?: z.ZodType;
  readonly resolver: (options: Call & { input: unknown }) => unknown;
}

/**
 * Calls a procedure: input, work, output. tRPC's own way is a chain of middlewares, of which each copies what it was
 * given twice; that took longer than the guard, the route and the service together. So there are no middlewares here.
 */
export async function call({ args, _def }: { args: unknown[]; _def: unknown }): Promise<unknown> {
  const options = args[0] as Call;
  const definition = _def as Definition;
  try {
    if (definition.type === 'mutation' && options.ctx.actor.role === 'reader') throw tooWeak(options.ctx.actor);
    if (definition.type === 'subscription') return await work(definition, options); // lives longer than this call: see `subscription.ts`
    using _open = options.ctx.calls.enter();
    return checked(definition, await work(definition, options));
  } catch (thrown) {
    throw getTRPCErrorFromUnknown(thrown);
  }
}

async function work({ inputs, resolver }: Definition, options: Call): Promise<unknown> {
  // Not copied: these are made for this one call, and a signal that nobody asks for is none.
  const given = Object.assign(options, { input: undefined as unknown });
  if (inputs.length === 0) return await resolver(given);
  const raw = options.getRawInput();
  given.input = understood(inputs, raw instanceof Promise ? await raw : raw);
  return await resolver(given);
}

/** What several inputs understand of it is put together, as tRPC does. */
function understood(inputs: readonly z.ZodType[], raw: unknown): unknown {
  try {
    if (inputs.length === 1) return inputs[0]?.parse(raw);
    return Object.assign({}, ...inputs.map((input) => input.parse(raw)));
  } catch (cause) {
    throw new TRPCError({ code: 'BAD_REQUEST', cause });
  }
}

function checked({ output }: Definition, data: unknown): unknown {
  try {
    return output ? checkedBy(output, data) : data;
  } catch (cause) {
    throw new TRPCError({ code: 'INTERNAL_SERVER_ERROR', message: 'Output validation failed', cause });
  }
}
