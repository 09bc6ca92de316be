import { AppError } from '../../core/errors/errors.ts';
import { toMemberKey } from '../../core/model/access/project-member.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { ProjectService } from '../api/projects.ts';
import type { AccessKind } from '../api/rules.ts';
import type { SessionService } from '../api/sessions.ts';
import type { AgentConfigService } from '../projects/agent-config.ts';
import type { ProviderKeyService } from '../projects/provider-keys.ts';
import type { UploadedFile, UploadService } from '../projects/uploads.ts';
import type { SideMessageService } from '../services/side-messages.ts';
import {
  authorize,
  type OwnedResource,
  ownerFilterOf,
  permitsAction,
  requireRole,
  toOwnedResource,
  toOwnerField,
} from './authorize.ts';
import { createAccessCheck, notFoundError, withAccessChecks } from './checked-service.ts';

const noFile = () => new AppError('file_not_found', 'There is no such file.');

export function guardProjects(
  projects: ProjectService,
  own: ProjectService,
  { principalOf, ofProject }: ProjectGuard,
): ProjectService {
  return {
    ...own,
    async list(page) {
      const principal = principalOf();
      const owner = ownerFilterOf(principal);
      if (owner === undefined) return await projects.list(page);
      const shared = [...(principal.projects ?? [])].flatMap(([id, role]) => (role === 'owner' ? [] : [id]));
      return await projects.list({ ...page, owner, shared });
    },
    async removeMember(id, member) {
      const { role, person, owner, aliases = [] } = principalOf();
      const isOwn = member.of === 'person' && [person, owner, ...aliases].includes(toMemberKey(member));
      await ofProject(id, isOwn ? 'read' : 'manage');
      await projects.removeMember(id, member, { keepsMaintainer: role !== 'admin' });
    },
    async move(id, to) {
      if (to.projectId !== null) await ofProject(to.projectId, 'work');
      const gone = () => notFoundError(to.of);
      await projects.move(id, to, (resource) => authorize(principalOf(), 'manage', resource, gone));
    },
    async putMember(id, member) {
      await ofProject(id, 'manage');
      return await projects.putMember(id, member, { keepsMaintainer: principalOf().role !== 'admin' });
    },
  };
}

interface ProjectGuard {
  readonly principalOf: () => Principal;
  readonly ofProject: (id: string, action: AccessKind) => Promise<void> | undefined;
}

export interface ProjectServices {
  readonly agents: AgentConfigService;
  readonly uploads: UploadService;
  readonly keys: ProviderKeyService;
  readonly sideMessages: SideMessageService;
}
interface ProjectGuardDeps {
  readonly projects: ProjectService;
  readonly sessions: SessionService;
}

export function guardProjectServices<Parts extends ProjectServices>(
  parts: Parts,
  { projects, sessions }: ProjectGuardDeps,
  principalOf: () => Principal,
): Parts {
  const ofProject = {
    principalOf,
    get: async (id: string) => toOwnedResource(await projects.get(id)),
    noun: 'project',
  };
  const ofSession = { principalOf, get: (id: SessionId) => sessions.get(id) };
  return {
    ...parts,
    agents: withAccessChecks(
      parts.agents,
      { get: { may: 'read' }, update: { may: 'manage' }, apply: { may: 'manage' } },
      ofProject,
    ),
    sideMessages: withAccessChecks(
      parts.sideMessages,
      { list: { may: 'read' }, annotations: { may: 'read' }, add: { may: 'work' }, annotate: { may: 'work' } },
      ofSession,
    ),
    uploads: guardedUploads(parts.uploads, { projects, sessions }, principalOf),
    keys: withAccessChecks(
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
  const ofProject = createAccessCheck<string>({
    principalOf,
    get: async (id: string) => toOwnedResource(await projects.get(id)),
    noun: 'project',
  });
  const fileFor = async (id: string, action: AccessKind): Promise<UploadedFile> => {
    const principal = principalOf();
    const file = await uploads.get(id);
    if (principal.role === 'admin') return file;
    authorize(principal, action, await belonging(file), noFile);
    return file;
  };
  const belonging = async (file: UploadedFile): Promise<OwnedResource> =>
    file.sessionId === undefined ? file : await sessions.get(file.sessionId);
  return {
    ...uploads,
    async stage(file, signal) {
      const principal = principalOf();
      requireRole(principal, 'user');
      if (file.projectId !== null) await ofProject(file.projectId, 'work');
      return await uploads.stage({ ...file, ...toOwnerField(principal) }, signal);
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
    async listAttached() {
      const principal = principalOf();
      const { owner } = principal;
      return permitsAction(principal, 'read', { owner }) ? await uploads.listAttached(owner) : [];
    },
    async delete(id) {
      await fileFor(id, 'work');
      await uploads.delete(id);
    },
  };
}
