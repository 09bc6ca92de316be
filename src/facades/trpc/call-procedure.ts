import { getTRPCErrorFromUnknown, TRPCError } from '@trpc/server';
import type { z } from 'zod';
import { tooWeak } from '../../core/actor.ts';
import type { TrpcContext } from './context.ts';
import { checkedBy } from './unchanging-answers.ts';

/** The arguments that tRPC's adapters pass to a procedure. */
interface Call {
  readonly ctx: TrpcContext;
  readonly getRawInput: () => unknown;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
  readonly batchIndex: number;
}
/** A procedure's definition, which the types of tRPC's builder hide. */
interface Definition {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly inputs: readonly z.ZodType[];
  readonly output?: z.ZodType;
  readonly resolver: (options: Call & { input: unknown }) => unknown;
}

/**
 * Calls a procedure: input, work, output. tRPC's chain of middlewares copies its arguments twice per step, which took longer
 * than the guard, the route and the service together. So no middlewares are used.
 */
export async function call({ args, _def }: { args: unknown[]; _def: unknown }): Promise<unknown> {
  const options = args[0] as Call;
  const definition = _def as Definition;
  try {
    if (definition.type === 'mutation' && options.ctx.actor.role === 'reader') throw tooWeak(options.ctx.actor);
    // outlives this call: see `subscription.ts`
    if (definition.type === 'subscription') return await work(definition, options);
    using _open = options.ctx.calls.enter();
    return checked(definition, await work(definition, options));
  } catch (thrown) {
    throw getTRPCErrorFromUnknown(thrown);
  }
}

async function work({ inputs, resolver }: Definition, options: Call): Promise<unknown> {
  // Reuses the object instead of a copy: it was made for this call only, and a copy would create an unused signal.
  const given = Object.assign(options, { input: undefined as unknown });
  if (inputs.length === 0) return await resolver(given);
  const raw = options.getRawInput();
  given.input = understood(inputs, raw instanceof Promise ? await raw : raw);
  return await resolver(given);
}

/** Merges the results of several inputs, as tRPC does. */
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
