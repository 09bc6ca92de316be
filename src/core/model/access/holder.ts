import { z } from 'zod';
import { AppError } from '../../errors/errors.ts';

/**
 * The holder of a resource: its project, else its owner, else the server. A project's resources are used only by its
 * own sessions.
 */
export const Holder = z.object({
  owner: z.string().optional(),
  /** Absent or null: it belongs to its owner. */
  projectId: z.string().nullish(),
});
export type Holder = z.infer<typeof Holder>;

/**
 * Whether a session can use a resource. A project's resource is only for the project's sessions. Any other requires the
 * same owner, unless the session or the resource belongs to the server.
 */
export const canSessionUse = (session: Holder, { owner, projectId }: Holder): boolean =>
  projectId ? session.projectId === projectId : [undefined, owner].includes(session.owner) || owner === undefined;

export const holderKey = ({ owner = '', projectId }: Holder): string => (projectId ? `project:${projectId}` : owner);

/**
 * Finds a resource by name: the caller's own first, then those of projects. Throws: conflict (several projects have a
 * resource with this name).
 */
export function preferOwnResource<Named extends Holder>(found: readonly Named[]): Named | undefined {
  const own = found.find(({ projectId }) => !projectId);
  if (own || found.length < 2) return own ?? found[0];
  throw new AppError('conflict', 'Several of your projects have one with this name. Use its id.');
}
