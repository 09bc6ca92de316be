import { z } from 'zod';
import { AppError } from '../../errors/errors.ts';

/** The holder of a resource: its project, or else its owner, or else the server. Only a project's own sessions use what it holds. */
export const Holder = z.object({
  /** The key or person that created the resource. */
  owner: z.string().optional(),
  /** Absent or null: it is its owner's. */
  projectId: z.string().nullish(),
});
export type Holder = z.infer<typeof Holder>;

/** Differs for each holder. */
export const holderKey = ({ owner = '', projectId }: Holder): string => (projectId ? `project:${projectId}` : owner);

/** The resource of a name: the caller's own precedes those of projects. Rejects: conflict (several projects have one). */
export function pickNamed<Named extends Holder>(found: readonly Named[]): Named | undefined {
  const own = found.find(({ projectId }) => !projectId);
  if (own || found.length < 2) return own ?? found[0];
  throw new AppError('conflict', 'Several of your projects have one of this name. Name it by its id.');
}
