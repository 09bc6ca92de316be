import { z } from 'zod';
import { AppError } from '../../errors/errors.ts';

/** A resource belongs to its project if it has one, otherwise to its owner, or to the server if it has neither. */
export const ResourceOwnership = z.object({
  owner: z.string().optional(),
  projectId: z.string().nullish(),
});
export type ResourceOwnership = z.infer<typeof ResourceOwnership>;

/**
 * Only a project's own sessions can use its resources. Any other resource requires a session with the same owner,
 * unless the session or the resource belongs to the server.
 */
export const canUseResource = (session: ResourceOwnership, { owner, projectId }: ResourceOwnership): boolean =>
  projectId ? session.projectId === projectId : [undefined, owner].includes(session.owner) || owner === undefined;

export const toHolderKey = ({ owner = '', projectId }: ResourceOwnership): string =>
  projectId ? `project:${projectId}` : owner;

/**
 * Prefers the caller's own resource over a project's. Throws: conflict, if the caller has no matching resource and
 * several projects do.
 */
export function selectPreferredResource<Named extends ResourceOwnership>(found: readonly Named[]): Named | undefined {
  const own = found.find(({ projectId }) => !projectId);
  if (own || found.length < 2) return own ?? found[0];
  throw new AppError('conflict', 'Several of your projects have one with this name. Use its id.');
}
