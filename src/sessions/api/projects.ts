import { z } from 'zod';
import type { ToolGroup } from '../../agents/tools/tool.ts';
import type { ResourceOwnership } from '../../core/model/access/holder.ts';
import { ProjectAccessRecord, ProjectMember } from '../../core/model/access/project-member.ts';
import { projectRoles } from '../../core/model/principal.ts';
import type { ToolProgram } from '../../core/model/tool-server.ts';
import type { ServiceRules } from './rules.ts';

/** The id is a UUID. */
export const Project = ProjectAccessRecord.extend({
  name: z.string(),
  description: z.string().nullable(),
  updatedAt: z.number(),
});
export type Project = z.infer<typeof Project>;
/** Overrides the sessions' template; a session's own choices override both. */
export interface ProjectAgentProfile {
  readonly template: string;
  readonly prompt: string | null;
  readonly tools: readonly ToolGroup[];
  /** `demo` or `provider/model`. */
  readonly model: string;
  /** If null, the fallbacks from the template or settings apply. */
  readonly fallbacks: readonly string[] | null;
  /** Added to the servers from the template and settings; overrides those of the same name. */
  readonly toolServers: readonly ToolProgram[];
}
type ProjectAgentChange = Partial<Omit<ProjectAgentProfile, 'template'>>;

export const ProjectMemberView = z.object({
  of: ProjectMember.shape.of,
  id: z.string(),
  /** A name or an e-mail address. Null if the person or key no longer exists. */
  name: z.string().nullable(),
  /** A group's identity provider. */
  issuer: z.string().nullable(),
  role: z.enum(projectRoles),
});
export type ProjectMemberView = z.infer<typeof ProjectMemberView>;
/** The kinds of resources whose names are unique per owner or project. */
export const namedResourceKinds = ['skill', 'volume', 'snapshot', 'template', 'secret'] as const;
export const ownedResourceKinds = [
  ...namedResourceKinds,
  ...(['vault', 'memory-store', 'agent', 'environment', 'file'] as const),
] as const;
export type OwnedResourceKind = (typeof ownedResourceKinds)[number];
export const movableResourceKinds = ['automation', 'webhook', ...ownedResourceKinds] as const;
export interface ResourceMove {
  readonly of: (typeof movableResourceKinds)[number];
  /** Null moves the resource back to its owner. */
  readonly projectId: string | null;
}
type MemberName = Omit<ProjectMember, 'role'>;
interface MemberChange {
  /** Rejects a change that leaves the project without an owner or maintainer. Default: true. */
  readonly keepsMaintainer?: boolean;
}

/** Every method with an id rejects with not_found for an unknown project. */
export interface ProjectService {
  /** Newest `updatedAt` first. `owner`: only that owner's projects and the `shared` ones. */
  list(page: {
    skip: number;
    limit: number;
    owner?: string;
    shared?: readonly string[];
  }): Promise<{ projects: readonly Project[]; total: number }>;
  create(project: { name: string; description?: string | null; owner?: string }): Promise<Project>;
  get(id: string): Promise<Project>;
  /** Changes only the fields that are set. Rejects: conflict (changed concurrently). */
  update(id: string, change: { name?: string; description?: string | null }): Promise<Project>;
  agent(id: string): Promise<ProjectAgentProfile>;
  /** Applies from the next turn on. Rejects: conflict, invalid_request (an unknown or forbidden model). */
  changeAgent(id: string, change: ProjectAgentChange): Promise<ProjectAgentProfile>;
  /** Lists the owner first. */
  members(id: string): Promise<readonly ProjectMemberView[]>;
  /** Rejects: not_found (no such id), conflict (the member is the owner, or no maintainer would remain), quota. */
  putMember(id: string, member: ProjectMember, change?: MemberChange): Promise<ProjectMemberView>;
  /** Also ends the member's open streams. Rejects: not_found, conflict (the owner or the last maintainer). */
  removeMember(id: string, member: MemberName, change?: MemberChange): Promise<void>;
  /** Call after a resource has left the project: ends the members' open streams. */
  departed(id: string): Promise<void>;
  /**
   * Ends the open streams of the previous project's members. Rejects: not_found, conflict (the name is taken, the
   * resource is shared with everyone, or a session uses the volume).
   */
  move(id: string, to: ResourceMove, admit?: (resource: ResourceOwnership) => void): Promise<void>;
  /** Transfers the project to a person or key; the previous owner becomes a maintainer. Rejects: not_found. */
  handOver(id: string, to: string): Promise<Project>;
  /** Also deletes the project's files, sessions, sandboxes, and resources, such as volumes and skills. */
  delete(id: string): Promise<void>;
}

export const projectRules: ServiceRules<ProjectService> = {
  list: { may: 'guarded', audit: null },
  create: { may: 'create', audit: 'project.create' },
  get: { may: 'see', audit: null },
  update: { may: 'manage', audit: 'project.change' },
  agent: { may: 'read', audit: null },
  changeAgent: { may: 'manage', audit: 'agent.change' },
  members: { may: 'read', audit: null },
  putMember: { may: 'guarded', audit: 'project.member' },
  removeMember: { may: 'guarded', audit: 'project.remove-member' },
  departed: { may: 'manage', audit: null },
  move: { may: 'guarded', audit: 'resource.move' },
  handOver: { may: 'manage', audit: 'project.hand-over' },
  delete: { may: 'stop', audit: 'project.delete' },
};
