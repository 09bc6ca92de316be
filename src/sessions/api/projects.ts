import { z } from 'zod';
import type { ToolGroup } from '../../agents/tools/tool.ts';
import type { ToolProgram } from '../../core/model/tool-server.ts';
import type { ServiceRules } from './rules.ts';

/** A folder of sessions with files and its own agent. */
export const Project = z.object({
  id: z.string(), // uuid
  name: z.string(),
  description: z.string().nullable(),
  createdAt: z.number(), // epoch ms
  updatedAt: z.number(),
  /** The owner, with the same meaning as a session's. */
  owner: z.string().optional(),
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

/** Every method that takes an id rejects with not_found for an unknown project. There is no limit to their number. */
export interface ProjectService {
  /** Newest `updatedAt` first; only that owner's projects if `owner` is set. */
  list(page: { skip: number; limit: number; owner?: string }): Promise<{ projects: readonly Project[]; total: number }>;
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
  /** Also deletes the project's sessions, their sandboxes and its files. */
  delete(id: string): Promise<void>;
}

export const projectRules: ServiceRules<ProjectService> = {
  list: { may: 'guarded', audit: null },
  create: { may: 'create', audit: 'project.create' },
  get: { may: 'see', audit: null },
  update: { may: 'work', audit: 'project.change' },
  agent: { may: 'read', audit: null },
  changeAgent: { may: 'work', audit: 'agent.change' },
  delete: { may: 'stop', audit: 'project.delete' },
};
