import { z } from 'zod';
import { AppError } from '../../../core/errors/errors.ts';
import { hasRole, roles, tooWeak } from '../../../core/model/principal.ts';
import { procedure, router } from '../base.ts';
import type { TrpcContext } from '../context.ts';
import { iso } from '../schemas.ts';

const Key = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  /** The owner of everything that this key creates. */
  owner: z.string(),
  /** The beginning of the key; the rest is not stored. */
  prefix: z.string(),
  state: z.enum(['active', 'expired', 'revoked']),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  lastUsedAt: z.iso.datetime().nullable(),
  revokedAt: z.iso.datetime().nullable(),
});
type View = Awaited<ReturnType<NonNullable<TrpcContext['keys']>['list']>>[number];
const time = (at: number | null) => (at === null ? null : iso(at));
const toKey = ({ createdAt, expiresAt, lastUsedAt, revokedAt, ...key }: View): z.infer<typeof Key> => ({
  ...key,
  createdAt: iso(createdAt),
  expiresAt: time(expiresAt),
  lastUsedAt: time(lastUsedAt),
  revokedAt: time(revokedAt),
});

function keysOf({ principal, keys }: Pick<TrpcContext, 'principal' | 'keys'>) {
  if (!hasRole(principal, 'admin')) throw tooWeak(principal);
  if (!keys) throw new AppError('unsupported', 'This server has no keys.');
  return keys;
}

/** Only for administrators. */
export const keysRouter = router({
  create: procedure
    .input(
      z.strictObject({
        name: z.string().trim().min(1).max(100),
        role: z.enum(roles),
        expiresAt: z.iso.datetime().optional(),
        /** The id of a key whose sessions the new key shares, to replace a key or to add a viewer. */
        beside: z.string().max(100).optional(),
      }),
    )
    .output(z.object({ key: z.string(), view: Key }))
    .mutation(async ({ ctx, input: { expiresAt, ...wish } }) => {
      const keys = keysOf(ctx);
      const made = await keys.create({ ...wish, ...(expiresAt && { expiresAt: Date.parse(expiresAt) }) });
      return { key: made.key, view: toKey(made.view) };
    }),

  list: procedure
    .input(z.strictObject({}).optional())
    .output(z.object({ keys: z.array(Key) }))
    .query(async ({ ctx }) => ({ keys: (await keysOf(ctx).list()).map(toKey) })),

  /** Revokes the key at once: it admits no request, and its open streams end. */
  revoke: procedure
    .input(z.strictObject({ id: z.string().max(100) }))
    .output(Key)
    .mutation(async ({ ctx, input }) => toKey(await keysOf(ctx).revoke(input.id))),
});
