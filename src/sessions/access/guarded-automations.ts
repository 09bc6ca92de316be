import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { Action } from '../api/rules.ts';
import type { AfterRule, AutomationService } from '../api/server/automations.ts';
import { authorizeRole, checkBy } from './authorize.ts';

interface AutomationGuardDeps {
  readonly principalOf: () => Principal;
  /** Rejects when the principal may not add to this project. */
  readonly intoProject: (project: string) => Promise<void> | undefined;
  /** Rejects when the principal may not read this session. */
  readonly readSession: (session: string) => Promise<void> | undefined;
}
const noAutomation = () => new AppError('not_found', 'There is no such automation.');

export const automationCheck = (automations: AutomationService, principalOf: () => Principal) =>
  checkBy((id: string) => automations.get(id), principalOf, noAutomation);

/** People see their own automations and shared ones; an automation starts only in projects in which its owner may work. */
export function guardedAutomations(
  automations: AutomationService,
  own: AutomationService,
  { principalOf, intoProject, readSession }: AutomationGuardDeps,
): AutomationService {
  const check = (id: string, action: Action) => automationCheck(automations, principalOf)(id, action);
  /** A rule hears only of what its maker may read. */
  async function mayFollow(after: AfterRule | null | undefined): Promise<void> {
    if (after?.of === 'session') await readSession(after.id);
    if (after?.of === 'project') await intoProject(after.id);
    if (after?.of === 'automation') await check(after.id, 'read');
  }
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
      await mayFollow(spec.after);
      const { owner } = principal;
      return await automations.create({ ...spec, ...(owner !== undefined && { owner }) });
    },
    async update(id, change) {
      await check(id, 'work');
      if (change.projectId) await intoProject(change.projectId);
      await mayFollow(change.after);
      return await automations.update(id, change);
    },
    async start(id) {
      const { key } = principalOf();
      await check(id, 'work');
      return await automations.start(id, key ?? null);
    },
    /** The signature of the delivery decides, and no permission of its sender. */
    receive: (id, request) => automations.receive(id, request),
    times: (schedule, count) => automations.times(schedule, count),
  };
}
