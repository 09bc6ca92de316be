import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { EgressService } from '../api/egress.ts';
import type { PortService } from '../api/ports.ts';
import type { Services } from '../api/services.ts';
import type { SessionListChange, SessionService } from '../api/sessions.ts';
import type { WorkspaceService } from '../workspaces/workspaces.ts';
import { type Action, authorize, authorizeRole, checkBy, may, seenBy } from './authorize.ts';
import { withChecks } from './checked-service.ts';
import { guardedModels } from './guarded-models.ts';
import { guardedProjects, projectCheck } from './guarded-projects.ts';

// The services as one principal may use them. Facades get only these, so no facade can forget a permission check.

interface GuardDeps {
  readonly principalOf: () => Principal;
  /** Rejects when the principal may not use this file. */
  readonly attach?: (file: string) => Promise<unknown>;
}
interface SessionGuardDeps extends GuardDeps {
  /** Rejects when the principal may not add to this project. */
  readonly intoProject?: (project: string) => Promise<void> | undefined;
}

/** An operator cannot bind or read, but can revoke. */
const credentialActions = { list: 'read', put: 'work', revoke: 'stop' } as const;

export function withPermissions(services: Services, { principalOf, attach }: GuardDeps): Services {
  const check = checkBy((id: SessionId) => services.sessions.get(id), principalOf);
  const { terminals, desktop } = services;
  const egress = withChecks(services.egress, check, { inForce: 'read', allow: 'see', withdraw: 'see' });
  const byOperator = (change: EgressService['allow']): EgressService['allow'] => {
    return async (id, entry) => {
      authorizeRole(principalOf(), 'operator');
      await change(id, entry);
    };
  };
  const intoProject = projectCheck(services.projects, principalOf);
  /** A terminal of a session that the principal may not see answers like an unknown terminal. */
  const ofTerminal = async (id: string, action: Action) => {
    const principal = principalOf();
    if (principal.role === 'admin') return;
    const { sessionId } = await terminals.get(id);
    authorize(principal, action, await services.sessions.get(sessionId), noTerminal);
  };
  return {
    sessions: guardedSessions(services.sessions, {
      principalOf,
      intoProject: (id) => intoProject(id, 'work'),
      ...(attach && { attach }),
    }),
    files: withChecks(services.files, check, {
      ...({
        list: 'read',
        read: 'read',
        open: 'read',
        find: 'read',
        grep: 'read',
        changes: 'read',
        before: 'read',
      } as const),
      ...({ write: 'work', remove: 'work' } as const),
    }),
    processes: withChecks(services.processes, check, {
      ...({ list: 'read', logs: 'read', stop: 'work', startBackground: 'work' } as const),
    }),
    sandboxes: withChecks(services.sandboxes, check, {
      ...({
        status: 'see',
        usage: 'see',
        stop: 'stop',
        start: 'work',
        pause: 'work',
        reset: 'work',
        rotateTokens: 'work',
        exec: 'work',
      } as const),
    }),
    egress: { ...egress, allow: byOperator(egress.allow), withdraw: byOperator(egress.withdraw) },
    sessionCredentials: withChecks(services.sessionCredentials, check, credentialActions),
    projectCredentials: withChecks(services.projectCredentials, intoProject, credentialActions),
    inside: withChecks(services.inside, check, { enter: 'work', admits: 'work' }),
    ports: guardedPorts(services.ports, check, principalOf),
    streams: withChecks(services.streams, check, { run: 'work', watch: 'work', download: 'read', upload: 'work' }),
    terminals: {
      async open(id, signal) {
        await check(id, 'work');
        return await terminals.open(id, signal);
      },
      async list(id) {
        await check(id, 'read');
        return await terminals.list(id);
      },
      async get(id) {
        await ofTerminal(id, 'read');
        return await terminals.get(id);
      },
      async close(id) {
        await ofTerminal(id, 'work');
        await terminals.close(id);
      },
      async write(id, text, signal) {
        await ofTerminal(id, 'work');
        await terminals.write(id, text, signal);
      },
      async resize(id, size, signal) {
        await ofTerminal(id, 'work');
        await terminals.resize(id, size, signal);
      },
      async typeIntoShell(id, shellId, text, signal) {
        await check(id, 'work');
        await terminals.typeIntoShell(id, shellId, text, signal);
      },
      async connect(id, signal) {
        await ofTerminal(id, 'work');
        return await terminals.connect(id, signal);
      },
    },
    desktop: {
      ...withChecks(desktop, check, {
        ...({ status: 'read', screenshot: 'read', watch: 'read', gate: 'read', start: 'work', stop: 'work' } as const),
        ...({ add: 'work', takeControl: 'work', giveControl: 'work' } as const),
      }),
      async watch(id, request, signal) {
        const principal = principalOf();
        if (principal.role === 'admin') return await desktop.watch(id, request, signal);
        const session = await services.sessions.get(id);
        authorize(principal, 'read', session);
        const mayControl = request.mayControl && may(principal, 'work', session);
        return await desktop.watch(id, { ...request, mayControl }, signal);
      },
    },
    projects: guardedProjects(services.projects, principalOf),
    models: guardedModels(services.models, principalOf),
    shares: withChecks(services.shares, check, { create: 'work', list: 'work', revoke: 'work' }),
    templates: {
      list: () => services.templates.list(),
      whyNot: (template) => services.templates.whyNot(template),
    },
  };
}

/** A preview acts on behalf of the key that opened it, and ends with it. */
function guardedPorts(
  ports: PortService,
  check: Parameters<typeof withChecks>[1],
  principalOf: () => Principal,
): PortService {
  const own = withChecks(ports, check, { list: 'read', open: 'work', opened: 'work', close: 'work', connect: 'work' });
  return { ...own, open: (id, { of, lifeMs }) => own.open(id, { of, lifeMs, key: principalOf().key }) };
}

function guardedSessions(
  sessions: SessionService,
  { principalOf, attach, intoProject }: SessionGuardDeps,
): SessionService {
  const check = checkBy((id: SessionId) => sessions.get(id), principalOf);
  const ownOf = (principal: Principal) => principal.owner !== undefined && { owner: principal.owner };

  /** Reads the principal at the call, because it may no longer be known when the first item is read. */
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
      if (isListed(principal, session)) yield { type, session: seenBy(principal, session) };
    }
  }

  return {
    ...withChecks(sessions as Omit<SessionService, 'create' | 'list' | 'watch' | 'watching' | 'health'>, check, {
      ...({ get: 'see', sandbox: 'see', stop: 'stop', delete: 'stop' } as const),
      ...({
        page: 'read',
        history: 'read',
        follow: 'read',
        activeRun: 'read',
        promptAt: 'read',
        agent: 'read',
        shell: 'read',
        readFile: 'read',
      } as const),
      ...({ fork: 'work', rename: 'work', update: 'work', send: 'work', decide: 'work' } as const),
    }),
    async create(command) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      if (command.projectId) await intoProject?.(command.projectId);
      return await sessions.create({ ...command, ...ownOf(principal) });
    },
    async fork(id, command) {
      const principal = principalOf();
      await check(id, 'work');
      return await sessions.fork(id, { ...command, ...ownOf(principal) });
    },
    async list(only) {
      const principal = principalOf();
      if (principal.role === 'admin') return await sessions.list(only);
      const all = await sessions.list(
        only && {
          ...only,
          keep: (session) => isListed(principal, session) && only.keep(seenBy(principal, session)),
          ...(only.search && { search: { ...only.search, mayRead: (session) => may(principal, 'read', session) } }),
        },
      );
      return all.filter((session) => isListed(principal, session)).map((session) => seenBy(principal, session));
    },
    async get(id) {
      const principal = principalOf();
      const session = await sessions.get(id);
      if (principal.role === 'admin') return session;
      authorize(principal, 'see', session);
      return seenBy(principal, session);
    },
    watch(signal) {
      const principal = principalOf();
      const news = sessions.watch(signal);
      return principal.role === 'admin' ? news : newsFor(principal, news);
    },
    history: (id) => following(id, () => sessions.history(id)),
    follow: (id, after, options) => following(id, () => sessions.follow(id, after, options)),
    /** Checks the attachments too: everyone who can read the session can read its attached files. */
    async send(id, command) {
      const checking = check(id, 'work');
      await checking;
      const files = checking ? (command.attachments ?? []).filter((file) => uuid.test(file)) : [];
      await Promise.all(files.map((file) => attach?.(file)));
      return await sessions.send(id, command);
    },
    /** Only an principal who may change the session marks its messages as read. */
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
const noTerminal = () => new AppError('shell_not_found', 'There is no such terminal.');

/** A shared session is visible to anyone who knows its id, but appears in no other owner's list. */
const isListed = (principal: Principal, { shared: _shared, ...session }: Parameters<typeof may>[2]) =>
  may(principal, 'see', session);

/** With API keys, each key has its own workspaces: the same name under another key is another workspace. */
export function guardedWorkspaces(
  workspaces: WorkspaceService,
  principalOf: () => Principal,
): Pick<WorkspaceService, 'join'> {
  return {
    join(userId) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      const { owner } = principal;
      if (owner === undefined) return workspaces.join(userId);
      return workspaces.join(userId, { owner, mayUse: (session) => may(principal, 'work', session) });
    },
  };
}
