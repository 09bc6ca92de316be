import { z } from 'zod';
import { procedure, router } from './procedure/procedure.ts';
import { Key, KeyId, Keys, keysFor, MadeKey, NewKey } from './views/keys.ts';

/** Only for administrators. */
export const keysRouter = router({
  create: procedure
    .input(NewKey)
    .output(MadeKey)
    .mutation(async ({ ctx, input }) => await keysFor(ctx).create(input)),

  list: procedure
    .input(z.strictObject({}).optional())
    .output(Keys)
    .query(async ({ ctx }) => await keysFor(ctx).list()),

  /** Revokes the key at once: it admits no request, and its open streams end. */
  revoke: procedure
    .input(KeyId)
    .output(Key)
    .mutation(async ({ ctx, input }) => await keysFor(ctx).revoke(input.id)),
});
