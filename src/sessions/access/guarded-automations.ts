import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { Action } from '../api/rules.ts';
import type { AutomationService } from '../api/server/automations.ts';
import { authorizeRole, checkBy } from './authorize.ts';

interface AutomationGuardDeps {
  readonly principalOf: () => Principal;
  /** Rejects when the principal may not add to this project. */
  readonly intoProject: (project: string) => Promise<void> | undefined;
}
const noAutomation = () => new AppError('not_found', 'There is no such automation.');

export const automationCheck = (automations: AutomationService, principalOf: () => Principal) =>
  checkBy((id: string) => automations.get(id), principalOf, noAutomation);

/** People see their own automations and shared ones; an automation starts only in projects in which its owner may work. */
export function guardedAutomations(
  automations: AutomationService,
  own: AutomationService,
  { principalOf, intoProject }: AutomationGuardDeps,
): AutomationService {
  const check = (id: string, action: Action) => automationCheck(automations, principalOf)(id, action);
  return {
    ...own,
    async list() {
      const { role, owner } = principalOf();
      const seesAll = role === 'reader' || hasRole({ role }, 'operator');
      return await automations.list(seesAll ? undefined : (owner ?? ''));
    },
    async create(spec) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      if (spec.projectId !== null) await intoProject(spec.projectId);
      const { owner } = principal;
      return await automations.create({ ...spec, ...(owner !== undefined && { owner }) });
    },
    async update(id, change) {
      await check(id, 'work');
      if (change.projectId) await intoProject(change.projectId);
      return await automations.update(id, change);
    },
    async start(id) {
      const { key } = principalOf();
      await check(id, 'work');
      return await automations.start(id, key ?? null);
    },
    times: (schedule, count) => automations.times(schedule, count),
  };
}
