import { AppError } from '../../core/errors/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { ProjectService } from '../api/projects.ts';
import type { Action } from '../api/rules.ts';
import type { SessionService } from '../api/sessions.ts';
import type { AgentConfigService } from '../projects/agent-config.ts';
import type { ProviderKeyService } from '../projects/provider-keys.ts';
import type { UploadedFile, UploadService } from '../projects/uploads.ts';
import type { SideMessages } from '../services/side-messages.ts';
import { authorize, authorizeRole, checkBy, may, type OwnedResource } from './authorize.ts';
import { withChecks } from './checked-service.ts';

const noProject = () => new AppError('not_found', 'There is no such project.');
const noFile = () => new AppError('file_not_found', 'There is no such file.');

export const projectCheck = (projects: ProjectService, principalOf: () => Principal) =>
  checkBy((id: string) => projects.get(id), principalOf, noProject);
const ownOf = ({ owner }: Principal) => owner !== undefined && { owner };

export function guardedProjects(
  projects: ProjectService,
  own: ProjectService,
  principalOf: () => Principal,
): ProjectService {
  return {
    ...own,
    async list(page) {
      const principal = principalOf();
      if (may(principal, 'see', {})) return await projects.list(page);
      return principal.owner === undefined
        ? { projects: [], total: 0 }
        : await projects.list({ ...page, owner: principal.owner });
    },
    async create(project) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      return await projects.create({ ...project, ...ownOf(principal) });
    },
  };
}

/** The parts of projects that only the OpenCodex facade uses. */
export interface ProjectParts {
  readonly agents: AgentConfigService;
  readonly uploads: UploadService;
  readonly keys: ProviderKeyService;
  readonly sideMessages: SideMessages;
}
interface ProjectGuardDeps {
  readonly projects: ProjectService;
  readonly sessions: SessionService;
}

export function guardedParts<Parts extends ProjectParts>(
  parts: Parts,
  { projects, sessions }: ProjectGuardDeps,
  principalOf: () => Principal,
): Parts {
  const ofProject = projectCheck(projects, principalOf);
  const ofSession = (id: Parameters<SessionService['get']>[0], action: Action) => {
    const principal = principalOf();
    if (principal.role === 'admin') return undefined;
    return sessions.get(id).then((session) => authorize(principal, action, session));
  };
  const { keys } = parts;
  const asAdmin = <Answer>(work: () => Answer): Answer => {
    authorizeRole(principalOf(), 'admin');
    return work();
  };
  return {
    ...parts,
    agents: withChecks(parts.agents, ofProject, {
      get: { may: 'read' },
      update: { may: 'work' },
      apply: { may: 'work' },
    }),
    sideMessages: withChecks(parts.sideMessages, ofSession, {
      list: { may: 'read' },
      annotations: { may: 'read' },
      add: { may: 'work' },
      annotate: { may: 'work' },
    }),
    uploads: guardedUploads(parts.uploads, { projects, sessions }, principalOf),
    keys: {
      list: async () => asAdmin(() => keys.list()),
      put: async (provider, key) => asAdmin(() => keys.put(provider, key)),
      delete: async (provider) => asAdmin(() => keys.delete(provider)),
      test: async (provider, key, signal) => asAdmin(() => keys.test(provider, key, signal)),
    },
  };
}

function guardedUploads(
  uploads: UploadService,
  { projects, sessions }: ProjectGuardDeps,
  principalOf: () => Principal,
): UploadService {
  const ofProject = projectCheck(projects, principalOf);
  const fileFor = async (id: string, action: Action): Promise<UploadedFile> => {
    const principal = principalOf();
    const file = await uploads.get(id);
    if (principal.role === 'admin') return file;
    authorize(principal, action, await belonging(file), noFile);
    return file;
  };
  /** The owner that counts for a file: its project's, or for a screenshot its session's. */
  const belonging = async (file: UploadedFile): Promise<OwnedResource> => {
    if (file.sessionId !== undefined) return await sessions.get(file.sessionId);
    return file.projectId === null ? file : await projects.get(file.projectId);
  };
  return {
    ...uploads,
    async stage(file, signal) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      if (file.projectId !== null) await ofProject(file.projectId, 'work');
      return await uploads.stage({ ...file, ...ownOf(principal) }, signal);
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
