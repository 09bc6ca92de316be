import { AppError } from '../errors/errors.ts';

/** From fewest to most rights. An auditor sees everything that administrators see, except session content. */
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
  /**
   * `nobody`: no credential, on a public route. `reader`: a page from an unlisted development origin, if no credential
   * is required; read-only.
   */
  readonly role: Role | 'nobody' | 'reader';
  readonly origin?: string;
  /**
   * Absent if the caller uses the server's own token, has no key of its own (such as a worker), or needs no credential.
   */
  readonly key?: string;
  /** Owns everything that the caller creates. Absent for the server's own token and if no credential is required. */
  readonly owner?: string;
  /** The user's id. If present, `key` is the key of that user's browser or command line, or the personal key in use. */
  readonly person?: string;
  /** The caller uses a personal key, so it cannot manage the user's devices and keys. */
  readonly isPersonalKey?: true;
  /** The user's other names in project member lists: groups as `ISSUER\nNAME`, and the verified e-mail address. */
  readonly aliases?: readonly string[];
  /** Roles by project id; new roles are added in place. If a role ends or is reduced, `ended` fires. */
  readonly projects?: ReadonlyMap<string, ProjectRole> | undefined;
  /** The default project for the caller's new sessions and automations. */
  readonly home?: string;
  /** The session of a worker's work item or, if `by` is `nobody`, the session whose public port is visited. */
  readonly session?: string;
  /** The caller's kind in the audit log if it uses no key of its own. `key` is then absent or its maker's. */
  readonly by?: 'sandbox token' | 'environment key' | 'preview' | 'server' | 'nobody';
  /** Fires when the caller loses rights, for example when its key expires or its role is reduced. */
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
