import { AppError } from './errors.ts';

/** From the least to the most that one may do. */
export const roles = ['viewer', 'user', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Who asks. The same object for as long as a key is valid. */
export interface Actor {
  /** `nobody` showed no credential, on a route that needs none. */
  readonly role: Role | 'nobody';
  /** The id of its key; none for the server's own token, and where no credential is needed. */
  readonly key?: string;
  /** To whom belongs what it makes; none for the same. */
  readonly owner?: string;
  /** Fires when it may do nothing any more: its key was revoked or has expired. */
  readonly ended?: AbortSignal;
}

/** Whoever shows the server's own token, and everyone where none is needed. */
export const everybody: Actor = { role: 'admin' };
export const nobody: Actor = { role: 'nobody' };

/** What who may not do it is told, in every dialect. */
export const tooWeak = ({ role }: Pick<Actor, 'role'>): AppError =>
  new AppError('forbidden', `A key of the role ${role} may not do this.`);

export const hasRole = ({ role }: Actor, least: Role): boolean =>
  role !== 'nobody' && roles.indexOf(role) >= roles.indexOf(least);
