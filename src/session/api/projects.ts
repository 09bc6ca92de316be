/** A folder of sessions with files and an agent of its own. */
export interface Project {
  readonly id: string; // uuid
  readonly name: string;
  readonly description: string | null;
  readonly createdAt: number; // epoch ms
  readonly updatedAt: number;
  /** The owner, with the same meaning as a session's. */
  readonly owner?: string | undefined;
}
/** Every method that takes an id rejects with not_found for an unknown project. There is no limit to their number. */
export interface ProjectService {
  /** Newest `updatedAt` first; only one owner's projects when `owner` is given. */
  list(page: { skip: number; limit: number; owner?: string }): Promise<{ projects: readonly Project[]; total: number }>;
  create(project: { name: string; description?: string | null; owner?: string }): Promise<Project>;
  get(id: string): Promise<Project>;
  /** Changes only the given fields. Rejects: conflict (another change came first). */
  update(id: string, change: { name?: string; description?: string | null }): Promise<Project>;
  /** Also deletes the project's sessions, their sandboxes and its files. */
  delete(id: string): Promise<void>;
}
