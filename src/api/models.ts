import { neverFires } from '../core/concurrency/cancel.ts';
import { procedure, router } from './procedure/procedure.ts';
import {
  accessOf,
  ModelAccessInput,
  ModelsInForce,
  OfferedModels,
  ProviderInput,
  TestedAccess,
  UseModelInput,
} from './views/models.ts';

/** The models that sessions can use, and the usual one. Only administrators change them. */
export const modelsRouter = router({
  inForce: procedure.output(ModelsInForce).query(({ ctx }) => ctx.services.models.inForce()),

  /** The providers' own lists of models, at most ten minutes old. */
  offered: procedure
    .output(OfferedModels)
    .query(async ({ ctx, signal = neverFires }) => ({ providers: await ctx.services.models.offered(signal) })),

  /** Asks a provider for its models with this key and address. Stores nothing. */
  test: procedure
    .input(ModelAccessInput)
    .output(TestedAccess)
    .mutation(({ ctx, input, signal = neverFires }) => ctx.services.models.test(accessOf(input), signal)),

  /** Stores key and address, and makes the model the usual one: from their next turn on also of sessions that chose none. */
  use: procedure
    .input(UseModelInput)
    .output(ModelsInForce)
    .mutation(({ ctx, input: { model, ...access }, signal = neverFires }) =>
      ctx.services.models.use({ ...accessOf(access), model }, signal),
    ),

  /** Forgets the key and the address that people entered for a provider. */
  forget: procedure
    .input(ProviderInput)
    .output(ModelsInForce)
    .mutation(({ ctx, input }) => ctx.services.models.forget(input.provider)),
});
