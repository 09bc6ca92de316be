import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { TrustRule } from '../../core/model/access/trust-rule.ts';
import { apiKeyProjectRoles, roles } from '../../core/model/principal.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';
import { defineOperations, router } from '../procedure/procedure.ts';
import { IsoTime } from '../procedure/schemas.ts';

export const ApiKey = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  /** The owner of everything that this key creates. */
  owner: z.string(),
  /** The key has at most this person's rights. Null for a service account. */
  person: z.string().nullable(),
  /** The only project that the key can use. Null for a key with a server role. */
  project: z.object({ id: z.string(), role: z.enum(apiKeyProjectRoles) }).nullable(),
  /** The rule for tokens that authenticate as this service account. An account with a rule has no secret. */
  trust: TrustRule.nullable(),
  /** The first part of the key. Only a hash of the whole key is stored. */
  prefix: z.string(),
  state: z.enum(['active', 'expired', 'revoked']),
  createdAt: IsoTime,
  expiresAt: IsoTime.nullable(),
  lastUsedAt: IsoTime.nullable(),
  revokedAt: IsoTime.nullable(),
});
const Keys = z.object({ keys: z.array(ApiKey).readonly() });
const MadeKey = z.object({ key: z.string(), view: ApiKey });
const NewKey = z.strictObject({
  name: z.string().trim().min(1).max(100),
  role: z.enum(roles),
  expiresAt: z.iso.datetime().optional(),
  /** The id of an existing key, with which the new key shares sessions. */
  beside: z.string().max(100).optional(),
});
const NewTrust = NewKey.extend({
  trust: TrustRule,
});
const toNewKey = ({ expiresAt, ...requested }: z.output<typeof NewKey>) => ({
  ...requested,
  ...(expiresAt && { expiresAt: Date.parse(expiresAt) }),
});
const KeyId = z.strictObject({ id: z.string().max(100) });

function keysFor({ keys }: Pick<CallerContext, 'keys'>) {
  if (!keys) throw new AppError('unsupported', 'This server has no keys.');
  return {
    create: (requested: z.output<typeof NewKey>) => keys.create(toNewKey(requested)),
    trust: ({ trust, ...requested }: z.output<typeof NewTrust>) => keys.trust(toNewKey(requested), trust),
    list: async () => ({ keys: await keys.list() }),
    revoke: (id: string) => keys.revoke(id),
  };
}

export const apiKeyExample: z.output<typeof ApiKey> = {
  id: '5f0c3d9b21aa',
  name: 'Ada',
  role: 'user',
  owner: '5f0c3d9b21aa',
  person: null,
  project: null,
  trust: null,
  prefix: 'crl_5f0c3d9b21aa',
  state: 'active',
  createdAt: '2026-11-24T12:00:00.000Z',
  expiresAt: null,
  lastUsedAt: null,
  revokedAt: null,
};
const trustExample = {
  issuer: 'https://token.actions.githubusercontent.com',
  claims: { sub: 'repo:acme/app:ref:refs/heads/main' },
};
const forAdmins = 'For the role admin.';
const forAuditors = 'For the roles admin and auditor.';

const operation = defineOperations({ tag: 'Server', prefix: '', style: 'server', find: async () => ({}) });
const base = '/api/v1/keys';

export const keysRouter = router({
  create: operation({
    rest: `POST ${base}`,
    id: 'createKey',
    summary: 'Create an API key, which is shown only in this response',
    description: `${forAdmins} The first key closes the server: from then on every request needs a key or the token.`,
    may: 'admin',
    in: NewKey,
    out: MadeKey,
    example: { name: 'Ada', role: 'user' },
    answer: { key: 'crl_5f0c3d9b21aa_qjXb0p7iT8Z9y2v5m1nK4wR6sU3aE0dGfHcJxLzQvBt', view: apiKeyExample },
    fails: [400, 401, 403, 404, 413, 422, 429],
  }).mutation(async ({ ctx, input }) => await keysFor(ctx).create(input)),
  trust: operation({
    rest: `POST ${base}/trust`,
    id: 'trustTokens',
    summary: 'Create an account that authenticates with tokens of a trusted issuer instead of a key',
    description: `${forAdmins} The issuer is one of \`programs.issuers\`. Revoke the account like a key.`,
    may: 'admin',
    in: NewTrust,
    out: ApiKey,
    example: { name: 'CI', role: 'user', trust: trustExample },
    answer: { ...apiKeyExample, name: 'CI', trust: trustExample },
    fails: [400, 401, 403, 404, 413, 422, 429],
  }).mutation(async ({ ctx, input }) => await keysFor(ctx).trust(input)),
  list: operation({
    rest: `GET ${base}`,
    id: 'keys',
    summary: 'List the API keys, without their secrets',
    description: forAuditors,
    may: 'auditor',
    out: Keys,
    answer: { keys: [apiKeyExample] },
    fails: [401, 403],
  }).query(async ({ ctx }) => await keysFor(ctx).list()),
  revoke: operation({
    rest: `DELETE ${base}/:id`,
    id: 'revokeKey',
    summary: 'Revoke an API key immediately; its open streams end',
    description: forAdmins,
    may: 'admin',
    in: KeyId,
    out: ApiKey,
    answer: { ...apiKeyExample, state: 'revoked', revokedAt: '2026-11-24T13:00:00.000Z' },
    fails: [401, 403, 404, 409, 422],
  }).mutation(async ({ ctx, input }) => await keysFor(ctx).revoke(input.id)),
});
