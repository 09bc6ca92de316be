import { AppError } from '../errors/errors.ts';

/**
 * The roles, from the fewest rights to the most. An auditor also sees what administrators see, except the content of sessions.
 */
export const roles = ['viewer', 'auditor', 'user', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** The roles of members in a project, from the fewest rights to the most. */
export const memberRoles = ['viewer', 'member', 'maintainer'] as const;
export type MemberRole = (typeof memberRoles)[number];
/** The project roles that a key can have. A key never manages a project. */
export const apiKeyProjectRoles = ['viewer', 'member'] as const;
export const projectRoles = [...memberRoles, 'owner'] as const;
export type ProjectRole = (typeof projectRoles)[number];

/**
 * The authenticated caller. The object stays the same while the caller's key is valid and its rights are not reduced.
 *
 * @example
 * if (!hasRole(principal, 'operator')) throw forbiddenRoleError(principal);
 */
export interface Principal {
  /**
   * `nobody`: no credential, on a route that needs none. `reader`: a page of a development server whose origin the operator did
   * not list, when no credential is needed; it can read everything and change nothing.
   */
  readonly role: Role | 'nobody' | 'reader';
  /** The origin of a reader's page. */
  readonly origin?: string;
  /**
   * The id of the caller's key. Absent for the server's own token, when no credential is needed, and for callers without their
   * own key, such as workers.
   */
  readonly key?: string;
  /** The owner of everything that the caller creates; absent for the server's own token, and when no credential is needed. */
  readonly owner?: string;
  /** The person's id, if the caller signed in. `key` then belongs to the browser or command line. */
  readonly person?: string;
  /** The caller uses one of the person's keys, so it cannot manage the person's account: devices and keys. */
  readonly isPersonalKey?: true;
  /** Other names under which projects can list the person: each group as `ISSUER\nNAME`, and the verified e-mail address. */
  readonly aliases?: readonly string[];
  /**
   * The caller's roles by project id. New roles are added to this map. When a role ends or is reduced, `ended` fires, and the
   * caller's next request has a new principal.
   */
  readonly projects?: ReadonlyMap<string, ProjectRole> | undefined;
  /** The project for sessions and automations that the caller creates without naming a project. */
  readonly home?: string;
  /** A worker's session is that of the work item whose token it uses. For `nobody`: the session whose public port is visited. */
  readonly session?: string;
  /** The caller's name in the audit log if it has no key of its own, for example because it sent a sandbox's token. */
  readonly by?: 'sandbox token' | 'environment key' | 'preview' | 'server' | 'nobody';
  /** Fires when the caller loses rights: its key was revoked or expired, or its role in a project ended or was reduced. */
  readonly ended?: AbortSignal;
}

/** The caller with the server's own token. On a server that requires no credential: every caller except a `reader`. */
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
