import { z } from 'zod';
import { AppError } from '../../errors/errors.ts';

/** A resource belongs to its project, else to its owner, else to the server. */
export const ResourceOwnership = z.object({
  owner: z.string().optional(),
  projectId: z.string().nullish(),
});
export type ResourceOwnership = z.infer<typeof ResourceOwnership>;

/** A resource without a project requires the same owner, unless either owner is absent. */
export const canUseResource = (session: ResourceOwnership, { owner, projectId }: ResourceOwnership): boolean =>
  projectId ? session.projectId === projectId : [undefined, owner].includes(session.owner) || owner === undefined;

export const toHolderKey = ({ owner = '', projectId }: ResourceOwnership): string =>
  projectId ? `project:${projectId}` : owner;

/** Prefers a resource without a project. Throws: conflict (several matches, all in projects). */
export function selectPreferredResource<Named extends ResourceOwnership>(found: readonly Named[]): Named | undefined {
  const own = found.find(({ projectId }) => !projectId);
  if (own || found.length < 2) return own ?? found[0];
  throw new AppError('conflict', 'Several of your projects have one with this name. Use its id.');
}
