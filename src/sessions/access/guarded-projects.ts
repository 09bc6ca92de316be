import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { ProjectService } from '../api/projects.ts';
import type { Action } from '../api/rules.ts';
import type { SessionService } from '../api/sessions.ts';
import type { AgentConfigService } from '../projects/agent-config.ts';
import type { ProviderKeyService } from '../projects/provider-keys.ts';
import type { UploadedFile, UploadService } from '../projects/uploads.ts';
import type { SideMessages } from '../services/side-messages.ts';
import { authorize, authorizeRole, type OwnedResource, ownOf, permitsAction } from './authorize.ts';
import { createAccessCheck, withChecks } from './checked-service.ts';

const noFile = () => new AppError('file_not_found', 'There is no such file.');

export function guardedProjects(
  projects: ProjectService,
  own: ProjectService,
  principalOf: () => Principal,
): ProjectService {
  return {
    ...own,
    async list(page) {
      const principal = principalOf();
      if (permitsAction(principal, 'see', {})) return await projects.list(page);
      return principal.owner === undefined
        ? { projects: [], total: 0 }
        : await projects.list({ ...page, owner: principal.owner });
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
  const ofProject = { principalOf, get: (id: string) => projects.get(id), noun: 'project' };
  const ofSession = { principalOf, get: (id: SessionId) => sessions.get(id) };
  return {
    ...parts,
    agents: withChecks(
      parts.agents,
      { get: { may: 'read' }, update: { may: 'work' }, apply: { may: 'work' } },
      ofProject,
    ),
    sideMessages: withChecks(
      parts.sideMessages,
      { list: { may: 'read' }, annotations: { may: 'read' }, add: { may: 'work' }, annotate: { may: 'work' } },
      ofSession,
    ),
    uploads: guardedUploads(parts.uploads, { projects, sessions }, principalOf),
    keys: withChecks(
      parts.keys,
      { list: { may: 'admin' }, put: { may: 'admin' }, delete: { may: 'admin' }, test: { may: 'admin' } },
      ofProject,
    ),
  };
}

function guardedUploads(
  uploads: UploadService,
  { projects, sessions }: ProjectGuardDeps,
  principalOf: () => Principal,
): UploadService {
  const ofProject = createAccessCheck<string>({ principalOf, get: (id: string) => projects.get(id), noun: 'project' });
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
