import { AppError, ignoreNotFound, toAppError } from '../../core/errors/errors.ts';
import { canUseResource, type ResourceOwnership } from '../../core/model/access/holder.ts';
import { SessionId } from '../../core/model/ids.ts';
import { limitAuditorToViewer, type Principal } from '../../core/model/principal.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { SessionAgent } from '../../core/model/session-agent.ts';
import type { DesktopService } from '../api/desktop.ts';
import type { EgressService } from '../api/egress.ts';
import type { PortService } from '../api/ports.ts';
import type { AccessKind, RuleScope } from '../api/rules.ts';
import type { SnapshotService } from '../api/server/snapshots.ts';
import type { BuiltImage, TemplateBuildService } from '../api/server/template-builds.ts';
import { type Services, serviceRules } from '../api/services.ts';
import type { CreateSessionCommand, SessionListChange, SessionListScope, SessionService } from '../api/sessions.ts';
import type { TerminalService } from '../api/terminals.ts';
import type { WorkspaceService } from '../api/workspaces.ts';
import {
  authorize,
  ownerFilterOf,
  permitsAction,
  projectFilterOf,
  redactSession,
  requireRole,
  toOwnedResource,
  toOwnerField,
  withDefaultProject,
} from './authorize.ts';
import { createAccessCheck, notFoundError, type ResourceGuard, withAccessChecks } from './checked-service.ts';
import { guardProjects } from './guarded-projects.ts';
import {
  guardAutomations,
  guardBudgets,
  guardCredentials,
  guardMemory,
  guardModels,
  guardSkills,
  guardUsage,
  withMemoryAuthor,
} from './guarded-resources.ts';

// Facades get only these services, so no facade can forget a permission check.

interface GuardDeps {
  readonly principalOf: () => Principal;
  readonly attach?: (file: string) => Promise<unknown>;
}
interface SessionGuardDeps extends GuardDeps {
  readonly own: SessionService;
  readonly intoProject?: (project: string) => Promise<void>;
  readonly snapshots?: Pick<SnapshotService, 'find'>;
  readonly builds?: Pick<TemplateBuildService, 'findImage'>;
  /** Rejects if the agent uses a resource that the session cannot use. */
  readonly mayHave?: (session: ResourceOwnership, agent: SessionAgent) => Promise<void>;
}

export function guardServices(services: Services, { principalOf, attach }: GuardDeps): Services {
  const ofSession: ResourceGuard = { principalOf, get: (id: SessionId) => services.sessions.get(id) };
  const scoped = (name: ScopeName): ResourceGuard => {
    const { of, isInProjects = false, ...more } = scopes[name] as ResourceScope;
    const get = async (id: never) =>
      of === 'projects' ? toOwnedResource(await services.projects.get(id)) : await services[of].get(id);
    const ofCaller = name === 'project' ? principalOf : () => limitAuditorToViewer(principalOf());
    return { principalOf: ofCaller, get, ...(isInProjects && { intoProject }), ...more };
  };
  const intoProject = async (id: string) => {
    const project = toOwnedResource(await services.projects.get(id));
    authorize(principalOf(), 'work', project, () => notFoundError('project'));
  };
  const check = createAccessCheck<SessionId>(ofSession);
  const ofProject = createAccessCheck<string>(scoped('project'));
  const names = Object.keys(serviceRules) as (keyof Services)[];
  const byRules = Object.fromEntries(
    names.map((name) => {
      const { of, rules } = serviceRules[name];
      return [name, withAccessChecks<object>(services[name], rules, of === 'session' ? ofSession : scoped(of))];
    }),
  ) as object as Services;
  return {
    ...byRules,
    sessions: guardedSessions(services.sessions, {
      own: byRules.sessions,
      principalOf,
      intoProject,
      snapshots: services.snapshots,
      builds: services.templateBuilds,
      mayHave: async (session, agent) => await checkParts(services, { session, agent }),
      ...(attach && { attach }),
    }),
    egress: guardedEgress(services.egress, byRules.egress, { check, principalOf }),
    ports: guardedPorts(services.ports, byRules.ports, { check, principalOf }),
    terminals: guardedTerminals(services, byRules.terminals, principalOf),
    desktop: guardedDesktop(services, byRules.desktop, principalOf),
    projects: guardProjects(services.projects, byRules.projects, { principalOf, ofProject }),
    models: guardModels(services.models, byRules.models, principalOf),
    automations: guardAutomations(services.automations, byRules.automations, {
      principalOf,
      intoProject,
      readSession: async (id) => await check(SessionId.parse(id), 'read'),
    }),
    documents: {
      ...byRules.documents,
      async list(kind) {
        const principal = principalOf();
        return await services.documents.list(
          kind,
          ownerFilterOf(principal, 'admin'),
          projectFilterOf(principal, 'admin'),
        );
      },
    },
    workQueue: {
      ...byRules.workQueue,
      async enqueue(environmentId, sessionId) {
        await check(sessionId, 'work');
        await byRules.workQueue.enqueue(environmentId, sessionId);
      },
      async withdraw(environmentId, sessionId) {
        await check(sessionId, 'stop');
        await byRules.workQueue.withdraw(environmentId, sessionId);
      },
    },
    memoryStores: withMemoryAuthor(byRules.memoryStores, principalOf),
    sessionCredentials: guardCredentials(services.sessionCredentials, byRules.sessionCredentials, {
      holder: (id) => check(id, 'work'),
      secret: createAccessCheck(scoped('secret')),
    }),
    projectCredentials: guardCredentials(services.projectCredentials, byRules.projectCredentials, {
      holder: (id) => ofProject(id, 'manage'),
      secret: createAccessCheck(scoped('secret')),
    }),
    skills: guardSkills(byRules.skills, principalOf),
    budgets: guardBudgets(services.budgets, byRules.budgets, {
      principalOf,
      seeProject: async (id) => await ofProject(id, 'see'),
    }),
    memory: guardMemory(services.memory, { principalOf, ofProject }),
    usage: guardUsage(services.usage, principalOf),
    snapshots: { ...byRules.snapshots, ...withAccessChecks<CopiedFiles>(services.snapshots, copyRules, ofSession) },
    templateBuilds: {
      ...byRules.templateBuilds,
      async findImage(named) {
        requireRole(principalOf(), 'user');
        return await imageFor(services.templateBuilds, principalOf(), named);
      },
    },
  };
}

async function checkParts(
  { vaults, memoryStores, documents }: Pick<Services, 'vaults' | 'memoryStores' | 'documents'>,
  { session, agent }: { readonly session: ResourceOwnership; readonly agent: SessionAgent },
): Promise<void> {
  const { vaults: named = [], memoryStores: mounted = [], environment } = agent;
  const parts: ResourceOwnership[] = await Promise.all([
    ...named.map((id) => vaults.get(id)),
    ...mounted.map(({ store }) => memoryStores.get(store)),
    ...(environment === undefined ? [] : [documents.get(environment)]),
  ]);
  if (parts.every((one) => canUseResource(session, one))) return;
  throw new AppError(
    'not_found',
    'A vault, memory store or environment of the agent belongs to a different project or owner. Move it, or the session.',
  );
}

type ScopeName = Exclude<RuleScope, 'session'>;
interface ResourceScope extends Pick<ResourceGuard, 'noun' | 'listedBy'> {
  readonly of: (typeof scopes)[ScopeName]['of'];
  readonly isInProjects?: boolean;
}
const scopes = {
  project: { of: 'projects', noun: 'project' },
  automation: { of: 'automations', noun: 'automation' },
  document: { of: 'documents', noun: 'document', listedBy: 'admin', isInProjects: true },
  vault: { of: 'vaults', noun: 'vault', listedBy: 'admin', isInProjects: true },
  memoryStore: { of: 'memoryStores', noun: 'memory store', listedBy: 'admin', isInProjects: true },
  secret: { of: 'secrets', noun: 'secret', listedBy: 'admin', isInProjects: true },
  skill: { of: 'skills', noun: 'skill', isInProjects: true },
  snapshot: { of: 'snapshots', noun: 'snapshot', isInProjects: true },
  volume: { of: 'volumes', noun: 'volume', isInProjects: true },
  builtTemplate: { of: 'templateBuilds', noun: 'built template', isInProjects: true },
} as const;
type CopiedFiles = Pick<SnapshotService, 'make' | 'fork'>;
const copyRules = { make: { may: 'copy' }, fork: { may: 'copy' } } as const;

const imageFor = async (
  builds: Pick<TemplateBuildService, 'findImage'>,
  { role, owner }: Principal,
  named: string,
  holder: ResourceOwnership = { owner },
): Promise<BuiltImage> =>
  await builds.findImage(named, holder).catch((thrown: unknown) => {
    if (role !== 'admin' || toAppError(thrown).code !== 'not_found') throw thrown;
    return builds.findImage(named);
  });

interface OwnGuard {
  readonly check: (id: SessionId, action: AccessKind) => Promise<void> | undefined;
  readonly principalOf: () => Principal;
}

function guardedEgress(egress: EgressService, own: EgressService, { check, principalOf }: OwnGuard): EgressService {
  const byOperator = (change: EgressService['allow']): EgressService['allow'] => {
    return async (id, entry) => {
      requireRole(principalOf(), 'operator');
      await check(id, 'see');
      await change(id, entry);
    };
  };
  return { ...own, allow: byOperator(egress.allow), withdraw: byOperator(egress.withdraw) };
}

type OfSession<Name extends keyof Services> = Pick<Services, Name | 'sessions'>;

const guardedTerminals = (
  { terminals, sessions }: OfSession<'terminals'>,
  own: TerminalService,
  principalOf: () => Principal,
): TerminalService => ({
  ...own,
  ...withAccessChecks<Pick<TerminalService, keyof typeof terminalRules>>(terminals, terminalRules, {
    principalOf,
    get: async (id: string) => await sessions.get((await terminals.get(id)).sessionId),
    gone: () => new AppError('shell_not_found', 'There is no such terminal.'),
  }),
});
const terminalRules = {
  get: { may: 'read' },
  close: { may: 'work' },
  write: { may: 'work' },
  resize: { may: 'work' },
  connect: { may: 'work' },
} as const;

const guardedDesktop = (
  { desktop, sessions }: OfSession<'desktop'>,
  own: DesktopService,
  principalOf: () => Principal,
): DesktopService => ({
  ...own,
  async watch(id, request, signal) {
    const principal = principalOf();
    if (principal.role === 'admin') return await desktop.watch(id, request, signal);
    const session = await sessions.get(id);
    authorize(principal, 'read', session);
    const mayControl = request.mayControl && permitsAction(principal, 'work', session);
    return await desktop.watch(id, { ...request, mayControl }, signal);
  },
});

/** A preview is valid only as long as the key that opened it. */
const guardedPorts = (ports: PortService, own: PortService, { check, principalOf }: OwnGuard): PortService => ({
  ...own,
  async open(id, { of, folder, lifeMs }) {
    await check(id, 'work');
    return await ports.open(id, { of, folder, lifeMs, key: principalOf().key });
  },
});

function guardedSessions(
  sessions: SessionService,
  { own, principalOf, attach, intoProject, snapshots, builds, mayHave }: SessionGuardDeps,
): SessionService {
  const check = createAccessCheck<SessionId>({ principalOf, get: (id: SessionId) => sessions.get(id) });

  const mayAttach = async (values: readonly string[] = []): Promise<void> => {
    await Promise.all(values.filter((file) => uuid.test(file)).map((file) => attach?.(file)));
  };

  /** Reads the principal immediately, because it may be unknown once items are read. */
  function following<Item>(id: SessionId, items: () => AsyncIterable<Item>): AsyncIterable<Item> {
    const principal = principalOf();
    if (principal.role === 'admin') return items();
    return (async function* () {
      authorize(principal, 'read', await sessions.get(id));
      yield* items();
    })();
  }
  async function* newsFor(
    principal: Principal,
    news: AsyncIterable<SessionListChange>,
  ): AsyncIterable<SessionListChange> {
    for await (const { type, session } of news) {
      if (isListed(principal, session)) yield { type, session: redactSession(principal, session) };
    }
  }

  async function* listed(principal: Principal, only: Parameters<SessionService['pieces']>[0] = {}) {
    for await (const piece of sessions.pieces({ ...only, ...ownSessions(principal, only.projectId) }))
      yield piece.filter((session) => isListed(principal, session)).map((session) => redactSession(principal, session));
  }

  /** Ignores the caller's `startsFrom`, `image` and `start`; only a lookup by name sets them. */
  async function withFiles<
    Command extends Pick<CreateSessionCommand, 'snapshot' | 'startsFrom' | 'built' | 'sandbox' | 'projectId'>,
  >(principal: Principal, { snapshot, startsFrom: _, built, sandbox, ...requested }: Command) {
    const isAdmin = principal.role === 'admin';
    const holder = { owner: principal.owner, projectId: requested.projectId };
    const ofProject = async (named: string, project: string) =>
      await snapshots?.find(named, '', [project]).catch(ignoreNotFound);
    const copy = async (named: string) => {
      if (isAdmin) return await snapshots?.find(named);
      const held = holder.projectId ? await ofProject(named, holder.projectId) : undefined;
      return held ?? (await snapshots?.find(named, holder.owner ?? ''));
    };
    const found = snapshot && (await copy(snapshot));
    const own = built ? builds && (await imageFor(builds, principal, built, holder)) : found ? found.built : undefined;
    const { image: __, start: ___, ...choice } = sandbox ?? {};
    if (choice.adopts !== undefined) requireRole(principal, 'admin');
    return {
      ...requested,
      ...(found && { startsFrom: { blob: found.id, sha256: found.sha256 } }),
      ...(own ? { sandbox: { ...choice, ...own } } : sandbox && { sandbox: choice }),
    };
  }

  return {
    ...own,
    async create(requested) {
      const principal = principalOf();
      const command = withDefaultProject(principal, requested);
      requireRole(principal, 'user');
      if (command.projectId) await intoProject?.(command.projectId);
      if (command.agent) await mayHave?.({ ...command, ...toOwnerField(principal) }, command.agent);
      return await sessions.create({ ...(await withFiles(principal, command)), ...toOwnerField(principal) });
    },
    /** The snapshot must exist even if the session already exists. */
    async named(requested) {
      const principal = principalOf();
      const command = withDefaultProject(principal, requested);
      // Names without an owner belong to the server's own token, so only administrators may use them.
      requireRole(principal, principal.owner === undefined ? 'admin' : 'user');
      if (command.projectId) await intoProject?.(command.projectId);
      return await sessions.named({ ...(await withFiles(principal, command)), ...toOwnerField(principal) });
    },
    async byName(name) {
      const principal = principalOf();
      const session = await sessions.byName(name, principal.owner);
      authorize(principal, 'see', session);
      return redactSession(principal, session);
    },
    async edit(id, command) {
      const principal = principalOf();
      await check(id, 'work');
      if (principal.role !== 'admin') await mayAttach(command.attachments);
      return await sessions.edit(id, { ...command, ...toOwnerField(principal) });
    },
    async list(only) {
      const principal = principalOf();
      if (principal.role === 'admin') return await sessions.list(only);
      if (!only) return (await Array.fromAsync(listed(principal))).flat().sort(newestFirst);
      const all = await sessions.list({
        ...only,
        ...ownSessions(principal, only.projectId),
        keep: (session) => isListed(principal, session) && only.keep(redactSession(principal, session)),
        ...(only.search && {
          search: { ...only.search, mayRead: (session) => permitsAction(principal, 'read', session) },
        }),
      });
      return all.filter((session) => isListed(principal, session)).map((session) => redactSession(principal, session));
    },
    pieces(only) {
      const principal = principalOf();
      return principal.role === 'admin' ? sessions.pieces(only) : listed(principal, only);
    },
    async get(id) {
      const principal = principalOf();
      const session = await sessions.get(id);
      if (principal.role === 'admin') return session;
      authorize(principal, 'see', session);
      return redactSession(principal, session);
    },
    async move(id, move) {
      await check(id, 'manage');
      if (move.projectId) await intoProject?.(move.projectId);
      return await sessions.move(id, move);
    },
    watch(signal) {
      const principal = principalOf();
      if (principal.role === 'admin') return sessions.watch(signal);
      return newsFor(principal, sessions.watch(signal, ownSessions(principal)));
    },
    history: (id) => following(id, () => sessions.history(id)),
    follow: (id, after, options) => following(id, () => sessions.follow(id, after, options)),
    /** The session's readers can read its attachments, so the sender needs access to them. */
    async send(id, command) {
      const checking = check(id, 'work');
      await checking;
      if (checking) await mayAttach(command.attachments);
      return await sessions.send(id, command);
    },
    watching(id) {
      const checking = check(id, 'work');
      if (!checking) return sessions.watching(id);
      let watch: Disposable | undefined;
      let isOver = false;
      const begin = () => {
        if (!isOver) watch = sessions.watching(id);
      };
      void checking.then(begin).catch(() => {});
      return {
        [Symbol.dispose]() {
          isOver = true;
          watch?.[Symbol.dispose]();
        },
      };
    },
    health: (signal) => sessions.health(signal),
  };
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function ownSessions(principal: Principal, projectId?: string): SessionListScope {
  const owner = ownerFilterOf(principal);
  if (owner === undefined) return {};
  const projects = projectFilterOf(principal);
  if (projectId === undefined) return { owner, projects };
  return projects.includes(projectId) ? { projectId } : { owner: '' };
}
const newestFirst = (one: SessionRecord, other: SessionRecord) => other.latestMessageAt - one.latestMessageAt;
const isListed = (principal: Principal, { shared: _shared, ...session }: Parameters<typeof permitsAction>[2]) =>
  permitsAction(principal, 'see', session);

/** Workspace names are unique per owner; callers without an owner share one set. */
export function guardWorkspaces(
  workspaces: WorkspaceService,
  principalOf: () => Principal,
): Pick<WorkspaceService, 'join'> {
  return {
    join(userId) {
      const principal = principalOf();
      requireRole(principal, 'user');
      const { owner } = principal;
      if (owner === undefined) return workspaces.join(userId);
      return workspaces.join(userId, { owner, mayUse: (session) => permitsAction(principal, 'work', session) });
    },
  };
}
