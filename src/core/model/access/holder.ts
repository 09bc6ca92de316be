import { z } from 'zod';
import { AppError } from '../../errors/errors.ts';

/**
 * The holder of a resource: its project, else its owner, else the server. A project's resources are used only by its own
 * sessions.
 */
export const ResourceOwnership = z.object({
  owner: z.string().optional(),
  /** Absent or null: the resource belongs to its owner. */
  projectId: z.string().nullish(),
});
export type ResourceOwnership = z.infer<typeof ResourceOwnership>;

/**
 * Whether a session can use a resource. A project's resource is only for the project's sessions. Any other resource requires
 * the same owner, unless the session or the resource belongs to the server.
 */
export const canUseResource = (session: ResourceOwnership, { owner, projectId }: ResourceOwnership): boolean =>
  projectId ? session.projectId === projectId : [undefined, owner].includes(session.owner) || owner === undefined;

export const toHolderKey = ({ owner = '', projectId }: ResourceOwnership): string =>
  projectId ? `project:${projectId}` : owner;

/**
 * Selects one of several resources with the same name: the caller's own, otherwise the only one from a project. Throws: conflict
 * (several projects have one).
 */
export function selectPreferredResource<Named extends ResourceOwnership>(found: readonly Named[]): Named | undefined {
  const own = found.find(({ projectId }) => !projectId);
  if (own || found.length < 2) return own ?? found[0];
  throw new AppError('conflict', 'Several of your projects have one with this name. Use its id.');
}
