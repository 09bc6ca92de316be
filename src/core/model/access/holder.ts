import { z } from 'zod';
import { AppError } from '../../errors/errors.ts';

/** A resource belongs to its project, else to its owner, else to the server. */
export const ResourceOwnership = z.object({
  owner: z.string().optional(),
  projectId: z.string().nullish(),
});
export type ResourceOwnership = z.infer<typeof ResourceOwnership>;

/**
 * Only a project's sessions can use its resources. Other resources require a session with the same owner, unless either
 * belongs to the server.
 */
export const canUseResource = (session: ResourceOwnership, { owner, projectId }: ResourceOwnership): boolean =>
  projectId ? session.projectId === projectId : [undefined, owner].includes(session.owner) || owner === undefined;

export const toHolderKey = ({ owner = '', projectId }: ResourceOwnership): string =>
  projectId ? `project:${projectId}` : owner;

/**
 * Prefers the caller's own resource over a project's. Throws: conflict (only projects have a match, and several do).
 */
export function selectPreferredResource<Named extends ResourceOwnership>(found: readonly Named[]): Named | undefined {
  const own = found.find(({ projectId }) => !projectId);
  if (own || found.length < 2) return own ?? found[0];
  throw new AppError('conflict', 'Several of your projects have one with this name. Use its id.');
}
