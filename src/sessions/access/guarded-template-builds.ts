import { AppError, toAppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { BuiltImage, TemplateBuildService } from '../api/server/template-builds.ts';
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
    async plan(dockerfile, args) {
      authorizeRole(principalOf(), 'user');
      return await builds.plan(dockerfile, args);
    },
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
      const found = await ownFirst(principal, seesAll(principal), (owner) => builds.find(idOrName, owner));
      authorize(principal, 'see', found, noTemplate);
      return found;
    },
    async imageOf(named) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      return await imageFor(builds, principal, named);
    },
  };
}

/** The image of a template that the caller built; administrators also find those of others, by their ids. */
export const imageFor = (builds: TemplateBuildService, principal: Principal, named: string): Promise<BuiltImage> =>
  ownFirst(principal, principal.role === 'admin', (owner) => builds.imageOf(named, owner));

/** Two owners can have the same name, so the caller's own comes first. */
async function ownFirst<Found>(
  { owner }: Principal,
  findsAll: boolean,
  look: (owner: string | undefined) => Promise<Found>,
): Promise<Found> {
  const first = owner ?? (findsAll ? undefined : '');
  return await look(first).catch((thrown: unknown) => {
    if (first === undefined || !findsAll || toAppError(thrown).code !== 'not_found') throw thrown;
    return look(undefined);
  });
}
