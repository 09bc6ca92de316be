import { AppError, toAppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { CredentialService } from '../api/credentials.ts';
import type { ModelService } from '../api/models.ts';
import type { AccessKind } from '../api/rules.ts';
import type { AutomationService, CompletionTrigger } from '../api/server/automations.ts';
import type { BudgetHolder, BudgetService } from '../api/server/budgets.ts';
import type { MemoryOwner, MemoryOwnerRef, MemoryService } from '../api/server/memory.ts';
import type { MemoryAuthor, MemoryStoreService } from '../api/server/memory-stores.ts';
import type { SkillService } from '../api/server/skills.ts';
import type { UsageService } from '../api/usage.ts';
import { authorize, permitsAction, requireRole, toOwnerField, withDefaultProject } from './authorize.ts';
import { createAccessCheck, notFoundError } from './checked-service.ts';

interface AutomationGuard {
  readonly principalOf: () => Principal;
  readonly intoProject: (project: string) => Promise<void>;
  readonly readSession: (session: string) => Promise<void> | undefined;
}
interface MemoryGuard {
  readonly principalOf: () => Principal;
  readonly ofProject: (id: string, action: AccessKind) => Promise<void> | undefined;
}
interface BudgetGuard {
  readonly principalOf: () => Principal;
  readonly seeProject: (id: string) => Promise<void>;
}

export function guardAutomations(
  automations: AutomationService,
  own: AutomationService,
  { principalOf, intoProject, readSession }: AutomationGuard,
): AutomationService {
  const check = createAccessCheck<string>({
    principalOf,
    get: (id: string) => automations.get(id),
    noun: 'automation',
  });
  async function mayFollow(after: CompletionTrigger | null | undefined): Promise<void> {
    if (after?.of === 'session') await readSession(after.id);
    if (after?.of === 'project') await intoProject(after.id);
    if (after?.of === 'automation') await check(after.id, 'read');
  }
  return {
    ...own,
    async create(requested) {
      const principal = principalOf();
      const spec = withDefaultProject(principal, requested);
      requireRole(principal, 'user');
      if (spec.projectId !== null) await intoProject(spec.projectId);
      await mayFollow(spec.after);
      return await automations.create({ ...spec, ...toOwnerField(principal) });
    },
    async update(id, change) {
      await check(id, 'work');
      const isMoved = change.projectId !== undefined && change.projectId !== (await automations.get(id)).projectId;
      if (isMoved) await check(id, 'manage');
      if (change.projectId) await intoProject(change.projectId);
      await mayFollow(change.after);
      return await automations.update(id, change);
    },
    async resume(id) {
      await check(id, 'work');
      return await automations.resume(id, principalOf().owner);
    },
    async start(id) {
      const { key } = principalOf();
      await check(id, 'work');
      return await automations.start(id, key ?? null);
    },
  };
}

/** Only administrators can share a skill. Their uploads outside projects are shared by default. */
export const guardSkills = (own: SkillService, principalOf: () => Principal): SkillService => ({
  ...own,
  async create(upload) {
    const principal = principalOf();
    const { projectId } = withDefaultProject(principal, upload);
    const { shared = hasRole(principal, 'admin') && !projectId } = upload;
    if (upload.shared) requireRole(principal, 'admin');
    if (shared && projectId) throw new AppError('invalid_request', 'A shared skill belongs to no project.');
    return await own.create({ ...upload, shared });
  },
});

export const guardModels = (models: ModelService, own: ModelService, principalOf: () => Principal): ModelService => ({
  ...own,
  async inForce() {
    const found = await models.inForce();
    if (hasRole(principalOf(), 'admin')) return found;
    const providers = found.providers.map((provider) => ({ ...provider, address: null }));
    return { ...found, canChange: false, providers };
  },
});

export const guardUsage = (usage: UsageService, principalOf: () => Principal): UsageService => ({
  async report(query) {
    const principal = principalOf();
    if (hasRole(principal, 'auditor')) return await usage.report(query);
    return await usage.report(query, (session) => permitsAction(principal, 'read', session));
  },
});

export function guardBudgets(
  budgets: BudgetService,
  own: BudgetService,
  { principalOf, seeProject }: BudgetGuard,
): BudgetService {
  async function sees({ of, id }: BudgetHolder): Promise<boolean> {
    const principal = principalOf();
    if (principal.role === 'reader' || hasRole(principal, 'auditor')) return true;
    if (of === 'server') return false;
    if (of === 'person') return principal.owner !== undefined && principal.owner === id;
    return await isAllowed(seeProject(id));
  }
  return {
    ...own,
    async list() {
      if (hasRole(principalOf(), 'auditor')) return await budgets.list();
      const all = await budgets.list();
      const seen = await Promise.all(all.map(sees));
      return all.filter((_, n) => seen[n]);
    },
    async get(holder) {
      if (!(await sees(holder))) throw notFoundError(holder.of);
      return await budgets.get(holder);
    },
  };
}

export function guardMemory(memory: MemoryService, { principalOf, ofProject }: MemoryGuard): MemoryService {
  async function allowed({ of, id }: MemoryOwnerRef, action: AccessKind): Promise<MemoryOwner> {
    const principal = principalOf();
    if (of === 'project') {
      if (id === undefined) throw new AppError('invalid_request', 'Set id to the id of the project.');
      await ofProject(id, action);
      return { of, id };
    }
    const own = id ?? principal.owner ?? '';
    authorize(principal, action, own === '' ? {} : { owner: own }, () => notFoundError('person'));
    return { of, id: own };
  }
  const sees = (holder: MemoryOwner) => isAllowed(allowed(holder, 'read'));
  const by = () => principalOf().owner;

  return {
    async list() {
      const { role } = principalOf();
      return await memory.list(role === 'admin' || role === 'reader' ? undefined : sees);
    },
    notes: async (holder) => await memory.notes(await allowed(holder, 'read')),
    read: async (holder, path, version) => await memory.read(await allowed(holder, 'read'), path, version),
    write: async (holder, note) => await memory.write(await allowed(holder, 'work'), note, by()),
    delete: async (holder, path) => await memory.delete(await allowed(holder, 'work'), path, by()),
    history: async (holder, path) => await memory.history(await allowed(holder, 'read'), path),
    undo: async (holder, path, to) => await memory.undo(await allowed(holder, 'work'), path, to, by()),
    redact: async (holder, path, version) => await memory.redact(await allowed(holder, 'work'), path, version, by()),
  };
}

const isAllowed = async (checking: Promise<unknown>): Promise<boolean> =>
  await checking.then(
    () => true,
    (thrown: unknown) => {
      if (['not_found', 'forbidden'].includes(toAppError(thrown).code)) return false;
      throw thrown;
    },
  );

export function withMemoryAuthor(own: MemoryStoreService, principalOf: () => Principal): MemoryStoreService {
  const by = (): MemoryAuthor => {
    const { key, session } = principalOf();
    if (session !== undefined) return { kind: 'session', id: session };
    return key === undefined ? null : { kind: 'key', id: key };
  };
  return {
    ...own,
    addMemory: async (id, memory) => await own.addMemory(id, memory, by()),
    changeMemory: async (id, memory, change) => await own.changeMemory(id, memory, change, by()),
    deleteMemory: async (id, memory, expect) => await own.deleteMemory(id, memory, expect, by()),
    redact: async (id, version) => await own.redact(id, version, by()),
  };
}

export const guardCredentials = <Id>(
  credentials: CredentialService<Id>,
  own: CredentialService<Id>,
  checks: {
    readonly holder: (id: Id) => Promise<void> | undefined;
    readonly secret: (id: string, action: AccessKind) => Promise<void> | undefined;
  },
): CredentialService<Id> => ({
  ...own,
  async bind(of, credential, use) {
    await checks.holder(of);
    await checks.secret(use.secret, 'work');
    return await credentials.bind(of, credential, use);
  },
});
