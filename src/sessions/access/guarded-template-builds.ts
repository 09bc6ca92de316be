import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { TemplateBuildService } from '../api/server/template-builds.ts';
import { authorize, authorizeRole, checkBy } from './authorize.ts';

const noTemplate = () => new AppError('not_found', 'There is no such built template.');

export const templateBuildCheck = (builds: TemplateBuildService, principalOf: () => Principal) =>
  checkBy((id: string) => builds.get(id), principalOf, noTemplate);

const seesAll = ({ role }: Principal) => role === 'reader' || hasRole({ role }, 'operator');

/** People build templates of their own, and find only those by name. */
export function guardedTemplateBuilds(
  builds: TemplateBuildService,
  own: TemplateBuildService,
  principalOf: () => Principal,
): TemplateBuildService {
  const ownerOf = (principal: Principal) => (seesAll(principal) ? undefined : (principal.owner ?? ''));
  return {
    ...own,
    ability: () => builds.ability(),
    async begin(wish) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      return await builds.begin({ ...wish, ...(principal.owner !== undefined && { owner: principal.owner }) });
    },
    async list() {
      return await builds.list(ownerOf(principalOf()));
    },
    async find(idOrName) {
      const principal = principalOf();
      // One's own first: two owners can have the same name.
      const found = await builds.find(idOrName, principal.owner ?? ownerOf(principal)).catch((thrown: unknown) => {
        if (!seesAll(principal)) throw thrown;
        return builds.find(idOrName);
      });
      authorize(principal, 'see', found, noTemplate);
      return found;
    },
    async imageOf(named) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      return await builds.imageOf(named, principal.role === 'admin' ? undefined : (principal.owner ?? ''));
    },
  };
}
