import { z } from 'zod';
import { dayMs } from '../../core/contracts/calendar.ts';
import { AppError } from '../../core/errors/errors.ts';
import { TrustRule } from '../../core/model/access/trust-rule.ts';
import { apiKeyProjectRoles } from '../../core/model/principal.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';
import { authorize, requireRole, toOwnedResource } from '../../sessions/access/authorize.ts';
import { defineOperations, router } from '../procedure/procedure.ts';
import { okOperationFields, okResult, ProjectIdInput } from '../procedure/schemas.ts';
import { ApiKey, apiKeyExample } from './keys.ts';

const byId = z.strictObject({ id: ProjectIdInput });
const NewAccount = byId.extend({
  name: z.string().trim().min(1).max(100),
  role: z.enum(apiKeyProjectRoles).default('member').describe('viewer or member; default: member'),
  lifeDays: z.int().min(1).max(3_650).optional().describe('days until the account ends; default: never'),
  trust: TrustRule.optional(),
});
const example = {
  ...apiKeyExample,
  name: 'Website CI',
  project: { id: '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10', role: 'member' as const },
};

const operation = defineOperations({
  tag: 'Projects',
  prefix: 'projects',
  command: {
    name: 'account',
    about: 'manages the service accounts of projects: programs that use one project alone',
    item: 'project',
    examples: [
      'corral account new 3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10 "Website CI" --role member',
      'corral account revoke 3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10 5f0c3d9b21aa',
    ],
    columns: ['{id}', '{name}', '{project.role}', '{state}'],
  },
});
const base = '/api/v1/projects/:project_id=id/accounts';

async function requireKeys({ principal, services, keys }: CallerContext, id: string) {
  requireRole(principal, 'user');
  authorize(principal, 'manage', toOwnedResource(await services.projects.get(id)));
  if (!keys) throw new AppError('unsupported', 'This server has no keys.');
  const list = async () => (await keys.list()).filter(({ person, project }) => person === null && project?.id === id);
  return { keys, list };
}

export const projectAccountsRouter = router({
  list: operation({
    rest: `GET ${base}`,
    id: 'Accounts',
    summary: 'List the service accounts of the project, without their secrets',
    verb: { name: 'ls' },
    may: 'manage',
    in: byId,
    out: z.array(ApiKey).readonly(),
    answer: [example],
    fails: [403, 404, 422],
  }).query(async ({ ctx, input: { id } }) => await (await requireKeys(ctx, id)).list()),
  create: operation({
    rest: `POST ${base}`,
    id: 'CreateAccount',
    summary: 'Create a service account of the project, whose key is shown only in this response',
    description:
      'The account has access to this project only. With `trust` it has no key and authenticates with tokens of that issuer.',
    verb: {
      name: 'new',
      words: ['id', 'name'],
      options: { '--days <count>': 'lifeDays' },
      columns: ['{view.id}', '{key}'],
      note: 'The key is shown once. Store it like a password.',
    },
    may: 'manage',
    in: NewAccount,
    out: z.object({ key: z.string().nullable(), view: ApiKey }),
    example: { name: 'Website CI', role: 'member' },
    answer: { key: 'crl_5f0c3d9b21aa_qjXb0p7iT8Z9y2v5m1nK4wR6sU3aE0dGfHcJxLzQvBt', view: example },
    fails: [400, 403, 404, 413, 422, 429],
  }).mutation(async ({ ctx, input: { id, name, role, lifeDays, trust } }) => {
    const { keys } = await requireKeys(ctx, id);
    const expiresAt = lifeDays === undefined ? undefined : ctx.clock.now() + lifeDays * dayMs;
    const account = { name, role: role === 'viewer' ? role : 'user', project: { id, role }, expiresAt } as const;
    return trust ? { key: null, view: await keys.trust(account, trust) } : await keys.create(account);
  }),
  revoke: operation({
    rest: `DELETE ${base}/:account`,
    id: 'RevokeAccount',
    summary: 'Revoke a service account of the project; its open streams end, and its sessions stay in the project',
    verb: { name: 'revoke', words: ['id', 'account'] },
    may: 'manage',
    in: byId.extend({ account: z.string().max(100) }),
    ...okOperationFields,
    fails: [403, 404, 422],
  }).mutation(async ({ ctx, input: { id, account } }) => {
    const { keys, list } = await requireKeys(ctx, id);
    if ((await list()).some((one) => one.id === account)) await keys.revoke(account);
    return okResult;
  }),
});
