import { z } from 'zod';
import { forEachConcurrent } from '../../core/concurrency/for-each-concurrent.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreNotFound } from '../../core/errors/errors.ts';
import { ResourceOwnership, toHolderKey } from '../../core/model/access/holder.ts';
import { type ProjectMember, toMemberKey } from '../../core/model/access/project-member.ts';
import { builtTemplateKind, namedSecretKind, templateBuildKind, vaultKind } from '../../core/model/records.ts';
import { namedSnapshotKind } from '../../core/model/sandboxes/snapshot.ts';
import { volumeKind } from '../../core/model/sandboxes/volume.ts';
import { Collection } from '../../storage/collection.ts';
import {
  namedResourceKinds,
  type OwnedResourceKind,
  ownedResourceKinds,
  Project,
  type ProjectAgentProfile,
  type ProjectMemberView,
  type ProjectService,
} from '../api/projects.ts';
import type { SessionService } from '../api/sessions.ts';
import type { AgentConfig, AgentConfigChange, AgentConfigLifecycle, AgentConfigService } from './agent-config.ts';
import { formatModelRef, parseModelRef } from './providers.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'newId' | 'records'> {
  readonly sessions: Pick<SessionService, 'pieces' | 'delete'>;
  readonly agents: AgentConfigLifecycle & Pick<AgentConfigService, 'get' | 'update'>;
  /** Stores of resources that are deleted with the project. */
  readonly held?: () => readonly ProjectResourceStore[];
  readonly moved?: () => Readonly<Record<'automation' | 'webhook', MovableResourceStore>>;
  readonly removeBelongings: (projectId: string) => Promise<void>;
  readonly people: MemberDirectory;
}
export interface MemberDirectory {
  /** Resolves with the member in stored form. Accepts a verified e-mail address. Rejects: not_found. */
  find(member: Omit<ProjectMember, 'role'>): Promise<Omit<ProjectMember, 'role'>>;
  /** Does not accept an e-mail address. Rejects: not_found. */
  findPerson(id: string): Promise<string>;
  names(): Promise<ReadonlyMap<string, string>>;
  changed(project: string): Promise<void>;
}
export interface ProjectResourceStore {
  /** With an empty `owner`, lists only resources of projects and, in some stores, shared ones. */
  list(owner: string, projects: readonly string[]): Promise<readonly (ResourceOwnership & { readonly id: string })[]>;
  delete(id: string): Promise<unknown>;
}
export interface MovableResourceStore {
  get(id: string): Promise<ResourceOwnership>;
  update(id: string, change: { readonly projectId: string | null }): Promise<unknown>;
}
const maxMembers = 1_000;
export const projectRecordKind = 'project';
const deletedAtOnce = 8; // sessions

export function createProjectService(deps: Deps): ProjectService {
  const { records, sessions, agents, held = () => [], moved, removeBelongings, people, newId, clock } = deps;
  const projects = new Collection<Project>(records, {
    kind: projectRecordKind,
    schema: Project,
    sortOf: ({ updatedAt }) => updatedAt,
    missing: () => new AppError('not_found', 'There is no such project.'),
  });

  const moves = createResourceMover(records, clock);

  async function removeContent(id: string): Promise<void> {
    const own = (await Array.fromAsync(sessions.pieces({ projectId: id }))).flat();
    await forEachConcurrent(own, deletedAtOnce, (session) => sessions.delete(session.id).catch(ifGone));
    for (const resources of held()) {
      const found = await resources.list('', [id]);
      for (const one of found) if (one.projectId === id) await resources.delete(one.id).catch(ignoreNotFound);
    }
    await removeBelongings(id);
  }

  async function changeAccess(id: string, change: (now: Project) => Project): Promise<Project> {
    const changed = await projects.change(id, change);
    await people.changed(id);
    return changed;
  }
  async function departed(id: string): Promise<void> {
    await changeAccess(id, (now) => ({ ...now, departures: now.departures + 1 }));
  }
  async function readView({ of, id, issuer, role }: Omit<ProjectMember, 'role'> & Pick<ProjectMemberView, 'role'>) {
    const name = of === 'group' || id.includes('@') ? id : ((await people.names()).get(id) ?? null);
    return { of, id, name, issuer: issuer ?? null, role };
  }

  return {
    async list({ skip, limit, owner, shared = [] }) {
      const only = owner === undefined ? {} : { owner };
      const [total, rows, others] = await Promise.all([
        records.count(projectRecordKind, only),
        records.list(projectRecordKind, { ...only, limit: skip + limit }),
        Promise.all(shared.map((id) => projects.find(id))),
      ]);
      const own = rows.map(({ doc }) => Project.parse(doc));
      const found = others.flatMap((one) => one?.doc ?? []);
      const all = found.length === 0 ? own : [...own, ...found].sort((a, b) => b.updatedAt - a.updatedAt);
      return { projects: all.slice(skip, skip + limit), total: total + found.length };
    },
    async create({ name, description = null, owner }) {
      const now = clock.now();
      const whose = owner === undefined ? {} : { owner };
      const times = { createdAt: now, updatedAt: now };
      const project: Project = { id: newId(), name, description, members: [], departures: 0, ...times, ...whose };
      await agents.create(project.id); // first, so that every project has a configuration
      const created = await projects.create(project);
      await people.changed(project.id);
      return created;
    },
    get: (id) => projects.get(id),
    update: (id, { name, description }) =>
      projects.change(id, (now) => ({
        ...now,
        ...(name !== undefined && { name }),
        ...(description !== undefined && { description }),
        updatedAt: clock.now(),
      })),
    agent: async (id) => toAgent(await agents.get(id)),
    async changeAgent(id, { model, prompt, tools, fallbacks, toolServers }) {
      const change: AgentConfigChange = {
        ...(model !== undefined && parseModelRef(model)),
        ...(prompt !== undefined && { prompt }),
        ...(tools !== undefined && { tools: [...tools] }),
        ...(fallbacks !== undefined && { fallbacks: fallbacks && [...fallbacks] }),
        ...(toolServers !== undefined && { toolServers: [...toolServers] }),
      };
      return toAgent(await agents.update(id, change));
    },
    async members(id) {
      const { owner, members } = await projects.get(id);
      const first = owner === undefined ? [] : [{ of: 'person', id: owner, role: 'owner' } as const];
      return await Promise.all([...first, ...members].map(readView));
    },
    async putMember(id, { role, ...named }, { keepsMaintainer = true } = {}) {
      await projects.get(id);
      const member = { ...(await people.find(named)), role };
      await changeAccess(id, (now) => {
        if (member.of === 'person' && member.id === now.owner)
          throw new AppError('conflict', 'This is the owner, who has all rights in the project.', { field: 'member' });
        const others = now.members.filter((one) => toMemberKey(one) !== toMemberKey(member));
        if (others.length >= maxMembers)
          throw new AppError('quota', `The project already has ${maxMembers} members, the maximum. Add a group.`);
        return withMembers(now, [...others, member], keepsMaintainer);
      });
      return await readView(member);
    },
    async removeMember(id, member, { keepsMaintainer = true } = {}) {
      await changeAccess(id, (now) => {
        if (member.of === 'person' && member.id === now.owner)
          throw new AppError('conflict', 'This is the owner. Hand the project over to another person first.');
        const others = now.members.filter((one) => toMemberKey(one) !== toMemberKey(member));
        if (others.length === now.members.length) throw new AppError('not_found', 'The project has no such member.');
        return withMembers(now, others, keepsMaintainer);
      });
    },
    departed,
    async move(id, { of, projectId }, admit = () => {}) {
      const own = of === 'automation' || of === 'webhook' ? moved?.()[of] : undefined;
      const before = await (own ? own.get(id) : moves.get(of as OwnedResourceKind, id));
      admit(before);
      if (projectId !== null) await projects.get(projectId);
      if (own) await own.update(id, { projectId });
      else await moves.move({ of: of as OwnedResourceKind, id }, projectId, admit);
      if (before.projectId && before.projectId !== projectId) await departed(before.projectId);
    },
    async handOver(id, to) {
      await projects.get(id);
      const owner = await people.findPerson(to);
      return await changeAccess(id, (now) => {
        const before = now.owner === undefined ? [] : [{ of: 'person', id: now.owner, role: 'maintainer' } as const];
        const others = now.members.filter((one) => one.of === 'group' || ![owner, now.owner].includes(one.id));
        return { ...now, owner, members: [...others, ...before.filter((one) => one.id !== owner)] };
      });
    },
    async delete(id) {
      await projects.get(id);
      await removeContent(id);
      await agents.delete(id);
      await projects.delete(id); // last, so that an interrupted deletion can be repeated
      await people.changed(id);
      await removeContent(id); // removes content created during the deletion
    },
  };
}

function withMembers(project: Project, members: Project['members'], keepsMaintainer: boolean): Project {
  const isManaged = (all: Project['members']) => project.owner !== undefined || all.some(isMaintainer);
  if (keepsMaintainer && isManaged(project.members) && !isManaged(members))
    throw new AppError('conflict', 'This is the last maintainer. Make another member a maintainer first.');
  return { ...project, members };
}
const isMaintainer = ({ role }: ProjectMember): boolean => role === 'maintainer';

const toAgent = ({ provider, model, ...config }: AgentConfig): ProjectAgentProfile => ({
  template: config.template,
  prompt: config.prompt,
  tools: config.tools,
  model: formatModelRef(provider, model),
  fallbacks: config.fallbacks,
  toolServers: config.toolServers,
});

function ifGone(thrown: unknown): void {
  if (!(thrown instanceof AppError && thrown.code === 'session_not_found')) throw thrown;
}

const kinds: Readonly<Record<OwnedResourceKind, string>> = {
  skill: 'skill',
  volume: volumeKind,
  snapshot: namedSnapshotKind,
  template: builtTemplateKind,
  secret: namedSecretKind,
  vault: vaultKind,
  'memory-store': 'memory-store',
  agent: 'document-agent',
  environment: 'document-environment',
  file: 'document-file',
};

const uniquelyNamed: ReadonlySet<OwnedResourceKind> = new Set(namedResourceKinds);

const Movable = z.looseObject({
  ...ResourceOwnership.shape,
  id: z.string(),
  name: z.string().nullish(),
  shared: z.boolean().optional(),
  createdAt: z.number().optional(),
  at: z.number().optional(),
  holders: z.array(z.looseObject({ sessionId: z.string() })).optional(),
  templateId: z.string().optional(),
});
type Movable = z.infer<typeof Movable>;

/** A moved resource keeps its owner; members of its former project lose access. */
function createResourceMover(records: RecordStore, clock: Pick<Clock, 'now'>) {
  const of = (kind: string, noun: string) =>
    new Collection<Movable>(records, {
      kind,
      schema: Movable,
      sortOf: ({ createdAt, at = 0 }) => createdAt ?? at,
      missing: () => new AppError('not_found', `There is no such ${noun}.`),
    });
  const builds = of(templateBuildKind, 'build');
  const collections = new Map(ownedResourceKinds.map((name) => [name, of(kinds[name], name)]));
  const held = (name: OwnedResourceKind) => collections.get(name) as Collection<Movable>;

  async function move(
    { of: name, id }: { readonly of: OwnedResourceKind; readonly id: string },
    projectId: string | null,
    mayMove: (resource: ResourceOwnership) => void,
  ): Promise<void> {
    const resources = held(name);
    const before = await resources.get(id);
    const moved = { ...before, projectId };
    if (toHolderKey(before) === toHolderKey(moved)) return;
    const admit = (others: readonly Movable[]) => {
      if (
        uniquelyNamed.has(name) &&
        before.name &&
        others.some((one) => one.name === before.name && toHolderKey(one) === toHolderKey(moved))
      )
        throw new AppError('conflict', `There is already a ${name} named ${before.name}. Rename or delete one first.`);
    };
    await resources.admitted({ admit, now: clock.now() }, moved, () =>
      resources.change(id, (now) => {
        mayMove(now);
        if (now.shared) throw new AppError('conflict', `The ${name} is shared with everybody, so it is in no project.`);
        const [user] = now.holders ?? [];
        if (user)
          throw new AppError('conflict', `The session ${user.sessionId} uses the ${name}. Delete the session first.`);
        return { ...now, projectId };
      }),
    );
    if (name !== 'template') return;
    for (const build of await builds.listHeldBy(before))
      if (build.templateId === id) await builds.change(build.id, (now) => ({ ...now, projectId }));
  }
  return { get: (name: OwnedResourceKind, id: string): Promise<ResourceOwnership> => held(name).get(id), move };
}
