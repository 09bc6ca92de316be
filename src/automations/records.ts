import { z } from 'zod';
import { ServerComponent, type ServerDependencies } from '../core/contracts/server-parts.ts';
import { AppError, ignoreConflict } from '../core/errors/errors.ts';
import {
  Automation,
  AutomationBudget,
  AutomationStart,
  type AutomationStartsQuery,
} from '../sessions/api/server/automations.ts';
import { Collection, type VersionedDocument } from '../storage/collection.ts';

// Automations are sorted by next start. A start that has ended is moved to its automation's history.

/** Older servers wrote records without the fields that have a default here. */
const Stored = Automation.extend({
  kind: Automation.shape.kind.default('run'),
  goal: Automation.shape.goal.default(null),
  repositories: Automation.shape.repositories.default([]),
  skills: Automation.shape.skills.default([]),
  hook: Automation.shape.hook.default(null),
  after: Automation.shape.after.default(null),
  budget: AutomationBudget.extend({ toolCalls: z.int().nullable().default(null) })
    .nullable()
    .default(null),
  secretAt: Automation.shape.secretAt.default(null),
});
const StoredStart = AutomationStart.extend({
  kind: Automation.shape.kind.default('run'),
  given: z.string().default(''),
  chain: AutomationStart.shape.chain.default([]),
});
export const createAutomationStart = (
  { id: automationId, version, kind, program }: Pick<Automation, 'id' | 'version' | 'kind' | 'program'>,
  start: Pick<AutomationStart, 'id' | 'cause' | 'at'> & Partial<Pick<AutomationStart, 'given' | 'chain'>>,
): AutomationStart => ({
  given: '',
  chain: [],
  ...start,
  ...(program && { agent: program.agent }),
  automationId,
  version,
  kind,
  state: 'queued',
  sessionId: null,
  text: '',
  outcome: null,
  endedAt: null,
  cost: null,
});

const kinds = { automation: 'automation', open: 'automation-open', ended: 'automation-start' } as const;
export const maxAutomations = 100; // per owner
const keptStarts = 1_000; // per automation; older starts are deleted
const never = -8.64e15; // sorts last, because automations are sorted by their negated next start

const missing = () => new AppError('not_found', 'There is no such automation.');

interface Deps extends Pick<ServerDependencies, 'records'> {
  /** Called before an automation is stored as paused, and again if that write conflicts. */
  readonly beforePause?: (paused: Automation) => Promise<void>;
}
export class AutomationRecords extends ServerComponent<Deps> {
  readonly #automations = new Collection<Automation>(this.deps.records, {
    kind: kinds.automation,
    schema: Stored,
    sortOf: ({ nextAt, paused }) => (nextAt === null || paused ? never : -nextAt),
    missing,
  });

  /** Rejects with not_found. */
  get(id: string): Promise<Automation> {
    return this.#automations.get(id);
  }

  /** Rejects with quota. */
  async create(doc: Automation): Promise<void> {
    await this.#automations.create(doc, {
      most: maxAutomations,
      text: `There are already ${maxAutomations} automations, the maximum. Delete some first.`,
      now: doc.createdAt,
      counts: ({ program }) => program?.archivedAt == null,
    });
  }

  /** Rejects with not_found. */
  change(id: string, change: (now: Automation) => Automation | undefined): Promise<Automation> {
    return this.#automations.change(id, async (now) => {
      const next = change(now);
      if (next?.paused && !now.paused) await this.deps.beforePause?.(next);
      return next;
    });
  }

  async delete(id: string): Promise<void> {
    await this.get(id);
    await this.#automations.deleteWith(id, () => this.deleteStarts(id));
  }

  async deleteStarts(id: string): Promise<void> {
    for (const { id: start } of await this.deps.records.list(kinds.open, { idPrefix: `${id}:` }))
      await this.deps.records.delete(kinds.open, start);
    for (const { id: start } of await this.deps.records.list(kinds.ended, { idPrefix: `${id}:` }))
      await this.deps.records.delete(kinds.ended, start);
  }

  afterRuns(): Promise<Automation[]> {
    return this.#automations.list({ state: 'after' });
  }

  /** All automations, or those visible to an owner who is a member of `projects`. */
  list(owner?: string, projects?: readonly string[]): Promise<Automation[]> {
    return this.#automations.listFor(owner, { shared: true, parents: projects ?? [] });
  }

  earliest(limit: number): Promise<Automation[]> {
    return this.#automations.list({ limit });
  }

  /** False if this start already exists. */
  async addStart(start: AutomationStart): Promise<boolean> {
    if (await this.deps.records.get(kinds.ended, start.id)) return false;
    const put = { kind: kinds.open, id: start.id, doc: start, sort: start.at, expect: 0 };
    return (await this.deps.records.put(put).catch(ignoreConflict)) !== undefined;
  }

  async findStart(id: string): Promise<AutomationStart | undefined> {
    const found = (await this.deps.records.get(kinds.open, id)) ?? (await this.deps.records.get(kinds.ended, id));
    return found && StoredStart.parse(found.doc);
  }

  async openStarts(automationId?: string): Promise<VersionedDocument<AutomationStart>[]> {
    const only = automationId === undefined ? {} : { idPrefix: `${automationId}:` };
    const found = await this.deps.records.list(kinds.open, only);
    return found
      .map(({ doc, version }) => ({ doc: StoredStart.parse(doc), version }))
      .sort((a, b) => a.doc.at - b.doc.at);
  }

  async putStart(doc: AutomationStart, expect: number): Promise<VersionedDocument<AutomationStart> | undefined> {
    const put = { kind: kinds.open, id: doc.id, doc, sort: doc.at, expect };
    const version = await this.deps.records.put(put).catch(ignoreConflict);
    return version === undefined ? undefined : { doc, version };
  }

  /** False if another server already moved the start. */
  async endStart(doc: AutomationStart): Promise<boolean> {
    const put = { kind: kinds.ended, id: doc.id, doc: { ...doc, given: '' }, sort: doc.at, expect: 0 };
    const isFirst = (await this.deps.records.put(put).catch(ignoreConflict)) !== undefined;
    await this.deps.records.delete(kinds.open, doc.id);
    return isFirst;
  }

  /** Newest first. */
  async starts(automationId: string, { limit, after }: AutomationStartsQuery): Promise<AutomationStart[]> {
    const only = { idPrefix: `${automationId}:` };
    const [open, ended] = await Promise.all([
      this.deps.records.list(kinds.open, only),
      this.deps.records.list(kinds.ended, only),
    ]);
    const byId = new Map([...open, ...ended].map(({ id, doc }) => [id, StoredStart.parse(doc)]));
    const all = [...byId.values()].sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
    const isLater = ({ at, id }: AutomationStart) => !after || at < after.at || (at === after.at && id > after.id);
    return all.filter(isLater).slice(0, limit);
  }

  /** Always keeps the starts after `keptFrom`, because they reveal repeated deliveries. */
  async forgetOldStarts(automationId: string, keptFrom: number): Promise<void> {
    const ended = await this.deps.records.list(kinds.ended, { idPrefix: `${automationId}:` });
    const old = ended.slice(keptStarts).filter(({ doc }) => StoredStart.parse(doc).at < keptFrom);
    for (const { id } of old) await this.deps.records.delete(kinds.ended, id);
  }
}

export type OwnerAccessCheck = (owner: string, projectId: string | null) => boolean;
/** A returning owner must resume the automation or webhook explicitly: somebody else may have taken it over. */
export const ownerWithoutAccessReason =
  'Its owner has no access: no valid key, disabled, or no longer in the project. Resume it once the owner has access again, or to take it over.';
export function resolveOwnerOnResume(
  { owner, projectId, paused }: Pick<Automation, 'owner' | 'projectId'> & { paused: { by: string } | null },
  { by, isOwned }: { readonly by: string | undefined; readonly isOwned: OwnerAccessCheck },
): { readonly owner?: string } {
  if (by === undefined || owner === undefined || paused?.by !== 'owner' || isOwned(owner, projectId)) return {};
  return { owner: by };
}
