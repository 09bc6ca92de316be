import { AppError, toAppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { BudgetHolder, BudgetService } from '../api/server/budgets.ts';
import { authorizeRole } from './authorize.ts';

interface Deps {
  readonly principalOf: () => Principal;
  /** Rejects when the principal may not see the project. */
  readonly seeProject: (id: string) => Promise<void>;
}

/** People see their own budget and those of projects that they see. Only administrators change one. */
export function guardedBudgets(budgets: BudgetService, { principalOf, seeProject }: Deps): BudgetService {
  async function sees({ of, id }: BudgetHolder): Promise<boolean> {
    const principal = principalOf();
    if (principal.role === 'reader' || hasRole(principal, 'admin')) return true;
    if (of === 'person') return principal.owner !== undefined && principal.owner === id;
    return await seeProject(id).then(
      () => true,
      (thrown: unknown) => {
        if (['not_found', 'forbidden'].includes(toAppError(thrown).code)) return false;
        throw thrown;
      },
    );
  }
  return {
    async list() {
      if (hasRole(principalOf(), 'admin')) return await budgets.list();
      const all = await budgets.list();
      const seen = await Promise.all(all.map(sees));
      return all.filter((_, n) => seen[n]);
    },
    async get(holder) {
      if (!(await sees(holder))) throw new AppError('not_found', `There is no such ${holder.of}.`);
      return await budgets.get(holder);
    },
    async change(holder, change) {
      authorizeRole(principalOf(), 'admin');
      return await budgets.change(holder, change);
    },
  };
}
