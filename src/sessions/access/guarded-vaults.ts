import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { VaultService } from '../api/server/vaults.ts';
import { authorizeRole, checkBy } from './authorize.ts';

const noVault = () => new AppError('not_found', 'There is no such vault.');

export const vaultCheck = (vaults: VaultService, principalOf: () => Principal) =>
  checkBy((id: string) => vaults.get(id), principalOf, noVault);

/** Programs see the vaults of their own key's owner; administrators see all. */
export const guardedVaults = (vaults: VaultService, own: VaultService, principalOf: () => Principal): VaultService => ({
  ...own,
  async list() {
    const { role, owner } = principalOf();
    return await vaults.list(role === 'reader' || hasRole({ role }, 'admin') ? undefined : (owner ?? ''));
  },
  async create(vault) {
    const principal = principalOf();
    authorizeRole(principal, 'user');
    const { owner } = principal;
    return await vaults.create({ ...vault, ...(owner !== undefined && { owner }) });
  },
});
