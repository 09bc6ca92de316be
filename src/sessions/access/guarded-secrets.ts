import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { CredentialService } from '../api/credentials.ts';
import type { Action } from '../api/rules.ts';
import type { SecretService } from '../api/server/secrets.ts';
import { authorize, authorizeRole, checkBy } from './authorize.ts';

const noSecret = () => new AppError('not_found', 'There is no such secret.');

export const secretCheck = (secrets: SecretService, principalOf: () => Principal) =>
  checkBy((id: string) => secrets.get(id), principalOf, noSecret);

const seesAll = ({ role }: Principal) => role === 'reader' || hasRole({ role }, 'admin');

/** Programs see the secrets of their own key's owner; administrators see all. */
export const guardedSecrets = (
  secrets: SecretService,
  own: SecretService,
  principalOf: () => Principal,
): SecretService => ({
  ...own,
  async list() {
    const principal = principalOf();
    return await secrets.list(seesAll(principal) ? undefined : (principal.owner ?? ''));
  },
  async find(idOrName) {
    const principal = principalOf();
    const found = await secrets.find(idOrName, principal.owner);
    authorize(principal, 'read', found, noSecret);
    return found;
  },
  async create(secret) {
    const principal = principalOf();
    authorizeRole(principal, 'user');
    const { owner } = principal;
    return await secrets.create({ ...secret, ...(owner !== undefined && { owner }) });
  },
});

/** A secret can be bound only by a caller who may use it, in a session or project where the caller may work. */
export const guardedBinding = <Id>(
  credentials: CredentialService<Id>,
  own: CredentialService<Id>,
  checks: {
    readonly holder: (id: Id, action: Action) => Promise<void> | undefined;
    readonly secret: (id: string, action: Action) => Promise<void> | undefined;
  },
): CredentialService<Id> => ({
  ...own,
  async bind(of, credential, use) {
    await checks.holder(of, 'work');
    await checks.secret(use.secret, 'work');
    return await credentials.bind(of, credential, use);
  },
});
