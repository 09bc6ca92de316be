import { z } from 'zod';
import type { ToolGroup } from '../../agents/tools/tool.ts';
import type { Holder } from '../../core/model/access/holder.ts';
import { ProjectAccess, ProjectMember } from '../../core/model/access/project-member.ts';
import { projectRoles } from '../../core/model/principal.ts';
import type { ToolProgram } from '../../core/model/tool-server.ts';
import type { ServiceRules } from './rules.ts';

/** A folder of sessions with files and its own agent. Its id is a UUID. */
export const Project = ProjectAccess.extend({
  name: z.string(),
  description: z.string().nullable(),
  updatedAt: z.number(),
});
export type Project = z.infer<typeof Project>;
/** The agent of a project's sessions. It precedes their template, and a session's own choices precede it. */
export interface ProjectAgent {
  /** The template from which it was made. */
  readonly template: string;
  readonly prompt: string | null;
  readonly tools: readonly ToolGroup[];
  /** `demo` or `provider/model`. */
  readonly model: string;
  /** Null: those of the template, or of the settings. */
  readonly fallbacks: readonly string[] | null;
  /** Tool servers next to those of the template and of the settings; of one name, these count. */
  readonly toolServers: readonly ToolProgram[];
}
type ProjectAgentChange = Partial<Omit<ProjectAgent, 'template'>>;

/** A member as people read it. */
export const MemberView = z.object({
  of: ProjectMember.shape.of,
  id: z.string(),
  /** The name of the person, key or group; null: nobody has it any more. */
  name: z.string().nullable(),
  /** The provider of a group. */
  issuer: z.string().nullable(),
  role: z.enum(projectRoles),
});
export type MemberView = z.infer<typeof MemberView>;
/** Resources whose names are unique in their holder. */
export const namedResources = ['skill', 'volume', 'snapshot', 'template'] as const;
export type NamedResource = (typeof namedResources)[number];
export const movedResources = ['automation', 'webhook', ...namedResources] as const;
export interface HolderMove {
  readonly of: (typeof movedResources)[number];
  /** Null: to its owner. */
  readonly projectId: string | null;
}
type MemberName = Omit<ProjectMember, 'role'>;
interface MemberChange {
  /** Rejects a change that leaves nobody who manages the project. */
  readonly keepsMaintainer?: boolean;
}

/** Every method that takes an id rejects with not_found for an unknown project. There is no limit to their number. */
export interface ProjectService {
  /** Newest `updatedAt` first; if `owner` is set, only that owner's projects and those with the ids in `shared`. */
  list(page: {
    skip: number;
    limit: number;
    owner?: string;
    shared?: readonly string[];
  }): Promise<{ projects: readonly Project[]; total: number }>;
  create(project: { name: string; description?: string | null; owner?: string }): Promise<Project>;
  get(id: string): Promise<Project>;
  /** Changes only the fields that are set. Rejects: conflict (another change came first). */
  update(id: string, change: { name?: string; description?: string | null }): Promise<Project>;
  agent(id: string): Promise<ProjectAgent>;
  /**
   * Changes only the fields that are set, from the next turn on. Rejects: conflict, invalid_request (a model that is
   * unknown here or must not be used).
   */
  changeAgent(id: string, change: ProjectAgentChange): Promise<ProjectAgent>;
  /** The owner first. */
  members(id: string): Promise<readonly MemberView[]>;
  /**
   * Adds a member, or changes its role. A person is named by an id, the id of a key, or an e-mail address.
   * Rejects: not_found (nobody has this name), conflict (several people have it, or no maintainer would be left), quota.
   */
  putMember(id: string, member: ProjectMember, change?: MemberChange): Promise<MemberView>;
  /** Open streams of the member end. Rejects: not_found, conflict (the owner, or the last maintainer). */
  removeMember(id: string, member: MemberName, change?: MemberChange): Promise<void>;
  /** Ends the open streams of the members, because something has left the project. */
  departed(id: string): Promise<void>;
  /**
   * Gives a resource to a project, or back to its owner. `admit` throws for a caller that may not move it. Open streams of
   * the former project's members end. Rejects: not_found, conflict (the name is taken there, or a session has the volume).
   */
  move(id: string, to: HolderMove, admit?: (resource: Holder) => void): Promise<void>;
  /** Gives the project to another person, named as in `putMember`. The owner so far becomes a maintainer. */
  handOver(id: string, to: string): Promise<Project>;
  /** Also deletes the project's sessions, their sandboxes and its files. */
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
