import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { SkillService } from '../api/server/skills.ts';
import { authorizeRole, checkBy } from './authorize.ts';

const noSkill = () => new AppError('not_found', 'There is no such skill.');

export const skillCheck = (skills: SkillService, principalOf: () => Principal) =>
  checkBy((id: string) => skills.get(id), principalOf, noSkill);

/** People see their own skills and shared ones; only administrators share one. */
export function guardedSkills(skills: SkillService, own: SkillService, principalOf: () => Principal): SkillService {
  return {
    ...own,
    async list() {
      const { role, owner } = principalOf();
      const seesAll = role === 'reader' || hasRole({ role }, 'operator');
      return await skills.list(seesAll ? undefined : (owner ?? ''));
    },
    async check(files) {
      authorizeRole(principalOf(), 'user');
      return await skills.check(files);
    },
    async create(upload) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      const isAdmin = hasRole(principal, 'admin');
      if (upload.shared) authorizeRole(principal, 'admin');
      const { owner } = principal;
      const { shared = isAdmin } = upload;
      return await skills.create({ ...upload, shared, ...(owner !== undefined && { owner }) });
    },
  };
}
