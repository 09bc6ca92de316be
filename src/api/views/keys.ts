import { z } from 'zod';
import type { KeyView } from '../../auth/api-keys.ts';
import { AppError } from '../../core/errors/errors.ts';
import { hasRole, roles, tooWeak } from '../../core/model/principal.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';

// The API keys of people and programs, as administrators see them.

export const Key = z.object({
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
export const Keys = z.object({ keys: z.array(Key) });
/** The key is shown this once. */
export const MadeKey = z.object({ key: z.string(), view: Key });
export const NewKey = z.strictObject({
  name: z.string().trim().min(1).max(100),
  role: z.enum(roles),
  expiresAt: z.iso.datetime().optional(),
  /** The id of a key whose sessions the new key shares, to replace a key or to add a viewer. */
  beside: z.string().max(100).optional(),
});
export const KeyId = z.strictObject({ id: z.string().max(100) });

const iso = (at: number) => new Date(at).toISOString();
const time = (at: number | null) => (at === null ? null : iso(at));
export const toKey = ({ createdAt, expiresAt, lastUsedAt, revokedAt, ...key }: KeyView): z.infer<typeof Key> => ({
  ...key,
  createdAt: iso(createdAt),
  expiresAt: time(expiresAt),
  lastUsedAt: time(lastUsedAt),
  revokedAt: time(revokedAt),
});

/** The operations on keys for administrators; throws for all others. */
export function keysFor({ principal, keys }: Pick<CallerContext, 'principal' | 'keys'>) {
  if (!hasRole(principal, 'admin')) throw tooWeak(principal);
  if (!keys) throw new AppError('unsupported', 'This server has no keys.');
  return {
    async create({ expiresAt, ...wish }: z.output<typeof NewKey>): Promise<z.output<typeof MadeKey>> {
      const made = await keys.create({ ...wish, ...(expiresAt && { expiresAt: Date.parse(expiresAt) }) });
      return { key: made.key, view: toKey(made.view) };
    },
    list: async () => ({ keys: (await keys.list()).map(toKey) }),
    revoke: async (id: string) => toKey(await keys.revoke(id)),
  };
}
