import { z } from 'zod';
import { dayMs } from '../../core/contracts/calendar.ts';
import { AppError } from '../../core/errors/errors.ts';
import { manageableAccountOf, roles } from '../../core/model/principal.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';
import { defineOperations, router } from '../procedure/procedure.ts';
import { okOperationFields, okResult, ProjectIdInput } from '../procedure/schemas.ts';
import { ApiKey, apiKeyExample } from './keys.ts';

const NewKey = z.strictObject({
  name: z.string().trim().min(1).max(100),
  /** Default: the person's role. */
  role: z.enum(roles).optional().describe('at most your own role'),
  project: ProjectIdInput.optional().describe('the one project that the key can use; default: all of yours'),
  lifeDays: z.int().min(1).max(365).default(90).describe('days until the key ends; default: 90'),
});
const example = { ...apiKeyExample, name: 'nightly', person: '5f0c3d9b21aa' };

const operation = defineOperations({
  tag: 'Server',
  prefix: '',
  style: 'server',
  command: {
    name: 'my-keys',
    about: 'your own keys, for programs that act for you; they end with your access',
    args: [['[name]', 'the name of a new key, or the id of a key to revoke']],
    examples: [
      'corral my-keys',
      'corral my-keys new nightly --days 30 --role viewer',
      'corral my-keys revoke 5f0c3d9b21aa',
    ],
    columns: ['{id}', '{name}', '{role}', '{state}'],
  },
});
const base = '/api/v1/people/me/keys';

/** Refuses personal keys, because a personal key could create another one that outlives it. */
function ofPerson({ principal: { person, isPersonalKey }, keys }: CallerContext) {
  if (person === undefined || isPersonalKey || !keys)
    throw new AppError(
      'forbidden',
      'Only a person who is signed in can have personal keys. Sign in on the page, or with corral login.',
    );
  return { keys, person };
}

export const personalKeysRouter = router({
  list: operation({
    rest: `GET ${base}`,
    id: 'personalKeys',
    summary: 'List your own keys',
    verb: { name: 'ls' },
    may: 'any',
    out: z.array(ApiKey).readonly(),
    answer: [example],
    reply: { schema: z.object({ keys: z.array(ApiKey) }), value: (keys: unknown) => ({ keys }) },
    fails: [401],
  }).query(async ({ ctx: { principal, keys } }) =>
    ((await keys?.list()) ?? []).filter(({ person }) => person !== null && person === manageableAccountOf(principal)),
  ),
  create: operation({
    rest: `POST ${base}`,
    id: 'createPersonalKey',
    summary: 'Create a key of your own, which is shown only in this response',
    description: 'It has at most your rights, and pauses while your identity provider does not confirm you.',
    verb: {
      name: 'new',
      words: ['name'],
      options: { '--days <count>': 'lifeDays' },
      columns: ['{key}'],
      note: 'This key is shown once. Store it like a password.',
    },
    may: 'any',
    in: NewKey,
    out: z.object({ key: z.string(), view: ApiKey }),
    example: { name: 'nightly', lifeDays: 30 },
    answer: { key: 'crl_5f0c3d9b21aa_qjXb0p7iT8Z9y2v5m1nK4wR6sU3aE0dGfHcJxLzQvBt', view: example },
    fails: [400, 401, 403, 413, 422, 429],
  }).mutation(async ({ ctx, input: { name, role, project: id, lifeDays } }) => {
    const { keys, person } = ofPerson(ctx);
    const expiresAt = ctx.clock.now() + lifeDays * dayMs;
    if (id !== undefined) await ctx.services.projects.get(id);
    const most = role ?? (ctx.principal.role as 'user');
    const project = id === undefined ? undefined : { id, role: most === 'viewer' ? most : ('member' as const) };
    return await keys.create({ name, role: project && most !== 'viewer' ? 'user' : most, person, project, expiresAt });
  }),
  revoke: operation({
    rest: `DELETE ${base}/:id`,
    id: 'revokePersonalKey',
    summary: 'Revoke a key of your own; its open streams end',
    verb: { name: 'revoke' },
    may: 'any',
    in: z.strictObject({ id: z.string().max(100) }),
    ...okOperationFields,
    fails: [401, 422],
  }).mutation(async ({ ctx: { principal, keys }, input: { id } }) => {
    const own = (await keys?.list())?.some((key) => key.id === id && key.person === manageableAccountOf(principal));
    if (own) await keys?.revoke(id);
    return okResult;
  }),
});
