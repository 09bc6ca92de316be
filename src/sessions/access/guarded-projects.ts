import { AppError } from '../../core/errors/errors.ts';
import type { Actor } from '../../core/model/actor.ts';
import type { ProjectService } from '../api/projects.ts';
import type { SessionService } from '../api/sessions.ts';
import type { AgentConfigService } from '../projects/agent-config.ts';
import type { ProviderKeyService } from '../projects/provider-keys.ts';
import type { UploadedFile, UploadService } from '../projects/uploads.ts';
import type { SideMessages } from '../services/side-messages.ts';
import { type Action, authorize, authorizeRole, checkBy, may, type Owned } from './authorize.ts';
import { checked } from './checked-service.ts';

const noProject = () => new AppError('not_found', 'There is no such project.');
const noFile = () => new AppError('file_not_found', 'There is no such file.');

export const projectCheck = (projects: ProjectService, actorOf: () => Actor) =>
  checkBy((id: string) => projects.get(id), actorOf, noProject);
const ownOf = ({ owner }: Actor) => owner !== undefined && { owner };

export function guardedProjects(projects: ProjectService, actorOf: () => Actor): ProjectService {
  return {
    ...checked(projects as Omit<ProjectService, 'list' | 'create'>, projectCheck(projects, actorOf), {
      get: 'see',
      update: 'work',
      agent: 'read',
      changeAgent: 'work',
      delete: 'stop',
    }),
    async list(page) {
      const actor = actorOf();
      if (may(actor, 'see', {})) return await projects.list(page);
      return actor.owner === undefined
        ? { projects: [], total: 0 }
        : await projects.list({ ...page, owner: actor.owner });
    },
    async create(project) {
      const actor = actorOf();
      authorizeRole(actor, 'user');
      return await projects.create({ ...project, ...ownOf(actor) });
    },
  };
}

/** The parts of projects that only the OpenCodex dialect uses. */
export interface ProjectParts {
  readonly agents: AgentConfigService;
  readonly uploads: UploadService;
  readonly keys: ProviderKeyService;
  readonly sideMessages: SideMessages;
}
interface Beside {
  readonly projects: ProjectService;
  readonly sessions: SessionService;
}

export function guardedParts<Parts extends ProjectParts>(
  parts: Parts,
  { projects, sessions }: Beside,
  actorOf: () => Actor,
): Parts {
  const ofProject = projectCheck(projects, actorOf);
  const ofSession = (id: Parameters<SessionService['get']>[0], action: Action) => {
    const actor = actorOf();
    if (actor.role === 'admin') return undefined;
    return sessions.get(id).then((session) => authorize(actor, action, session));
  };
  const { keys } = parts;
  const asAdmin = <Answer>(work: () => Answer): Answer => {
    authorizeRole(actorOf(), 'admin');
    return work();
  };
  return {
    ...parts,
    agents: checked(parts.agents, ofProject, { get: 'read', update: 'work', apply: 'work' }),
    sideMessages: checked(parts.sideMessages, ofSession, {
      ...({ list: 'read', annotations: 'read', add: 'work', annotate: 'work' } as const),
    }),
    uploads: guardedUploads(parts.uploads, { projects, sessions }, actorOf),
    keys: {
      list: async () => asAdmin(() => keys.list()),
      put: async (provider, key) => asAdmin(() => keys.put(provider, key)),
      delete: async (provider) => asAdmin(() => keys.delete(provider)),
      test: async (provider, key, signal) => asAdmin(() => keys.test(provider, key, signal)),
    },
  };
}

function guardedUploads(uploads: UploadService, { projects, sessions }: Beside, actorOf: () => Actor): UploadService {
  const ofProject = projectCheck(projects, actorOf);
  const fileFor = async (id: string, action: Action): Promise<UploadedFile> => {
    const actor = actorOf();
    const file = await uploads.get(id);
    if (actor.role === 'admin') return file;
    authorize(actor, action, await belonging(file), noFile);
    return file;
  };
  /** The owner that counts for a file: its project's, or for a screenshot its session's. */
  const belonging = async (file: UploadedFile): Promise<Owned> => {
    if (file.sessionId !== undefined) return await sessions.get(file.sessionId);
    return file.projectId === null ? file : await projects.get(file.projectId);
  };
  return {
    ...uploads,
    async stage(file, signal) {
      const actor = actorOf();
      authorizeRole(actor, 'user');
      if (file.projectId !== null) await ofProject(file.projectId, 'work');
      return await uploads.stage({ ...file, ...ownOf(actor) }, signal);
    },
    get: (id) => fileFor(id, 'read'),
    async open(id, range) {
      await fileFor(id, 'read');
      return await uploads.open(id, range);
    },
    async ofProject(id) {
      await ofProject(id, 'read');
      return await uploads.ofProject(id);
    },
    async delete(id) {
      await fileFor(id, 'work');
      await uploads.delete(id);
    },
  };
}
