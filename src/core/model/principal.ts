import { AppError } from '../errors/errors.ts';

/** From fewest to most rights. An auditor sees everything except session content. */
export const roles = ['viewer', 'auditor', 'user', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** From the fewest rights to the most. */
export const memberRoles = ['viewer', 'member', 'maintainer'] as const;
export type MemberRole = (typeof memberRoles)[number];
/** Keys can never manage a project. */
export const apiKeyProjectRoles = ['viewer', 'member'] as const;
export const projectRoles = [...memberRoles, 'owner'] as const;
export type ProjectRole = (typeof projectRoles)[number];

/**
 * The authenticated caller. A caller keeps the same object while its key is valid and its rights are not reduced.
 *
 * @example
 * if (!hasRole(principal, 'operator')) throw forbiddenRoleError(principal);
 */
export interface Principal {
  /** `nobody`: no credential, on a public route. `reader`: a page from an unlisted development origin; read-only. */
  readonly role: Role | 'nobody' | 'reader';
  readonly origin?: string;
  /** Absent for workers and the server's own token, and if no credential is required. */
  readonly key?: string;
  /** Owns what the caller creates. Absent for the server's own token and if no credential is required. */
  readonly owner?: string;
  /** The user's id. If set, `key` is a personal key or belongs to a signed-in browser or command line. */
  readonly person?: string;
  readonly isPersonalKey?: true;
  /** Other names for the caller in project member lists: groups as `ISSUER\nNAME`, and the verified e-mail address. */
  readonly aliases?: readonly string[];
  /** By project id. New roles are added in place; if a role ends or is reduced, `ended` fires. */
  readonly projects?: ReadonlyMap<string, ProjectRole> | undefined;
  /** The default project for the caller's new sessions and automations. */
  readonly home?: string;
  /** The session of a worker's work item or, if `by` is `nobody`, of the visited public port. */
  readonly session?: string;
  /** The caller's kind in the audit log. If set, `key` is absent or that of the credential's maker. */
  readonly by?: 'sandbox token' | 'environment key' | 'preview' | 'server' | 'nobody';
  /** Fires when the caller loses rights, such as when its key expires. */
  readonly ended?: AbortSignal;
}

/** Used for the server's own token and, if no credential is required, for everyone but a `reader`. */
export const adminPrincipal: Principal = { role: 'admin' };
export const nobodyPrincipal: Principal = { role: 'nobody' };

export const forbiddenRoleError = ({ role, origin = 'another origin' }: Pick<Principal, 'role' | 'origin'>): AppError =>
  new AppError('forbidden', role === 'reader' ? onlyReads(origin) : `The role ${role} does not allow this.`);
const onlyReads = (origin: string) =>
  `Pages of ${origin} may only read here. Add that origin to CORRAL_CORS_ORIGINS, or set CORRAL_TOKEN and have the page send it.`;

export const hasRole = ({ role }: Pick<Principal, 'role'>, least: Role): boolean =>
  least === 'auditor'
    ? role === 'auditor' || role === 'admin'
    : role !== 'nobody' && role !== 'reader' && roles.indexOf(role) >= roles.indexOf(least);

export const canObserveAll = (caller: Pick<Principal, 'role'>): boolean =>
  hasRole(caller, 'operator') || hasRole(caller, 'auditor');

export const limitAuditorToViewer = (caller: Principal): Principal =>
  caller.role === 'auditor' ? { ...caller, role: 'viewer' } : caller;

export const manageableAccountOf = ({ person, isPersonalKey }: Principal): string | undefined =>
  isPersonalKey ? undefined : person;

export const minProjectRole = (one: MemberRole, other: ProjectRole): MemberRole =>
  projectRoles.indexOf(other) >= projectRoles.indexOf(one) ? one : (other as MemberRole);

export const minRole = (one: Role, other: Principal['role']): Principal['role'] => {
  if (hasRole({ role: other }, one)) return one;
  return one === 'auditor' && hasRole({ role: other }, 'viewer') ? 'viewer' : other;
};
