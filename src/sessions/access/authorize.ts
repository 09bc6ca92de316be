import { AppError } from '../../core/errors/errors.ts';
import {
  canObserveAll,
  forbiddenRoleError,
  hasRole,
  type Principal,
  type ProjectRole,
  projectRoles,
} from '../../core/model/principal.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { Project } from '../api/projects.ts';
import type { AccessKind } from '../api/rules.ts';

export interface OwnedResource {
  readonly id?: string;
  readonly owner?: string | undefined;
  readonly shared?: boolean;
  /** If set, the owner has access only through a role in this project. */
  readonly projectId?: string | null | undefined;
}

const least: Readonly<Record<AccessKind, ProjectRole>> = {
  see: 'viewer',
  read: 'viewer',
  work: 'member',
  stop: 'maintainer',
  manage: 'maintainer',
};
const permits = (role: ProjectRole, action: AccessKind): boolean =>
  projectRoles.indexOf(role) >= projectRoles.indexOf(least[action]);

function roleIn({ owner, projects, session, by }: Principal, thing: OwnedResource): ProjectRole | undefined {
  // A visitor to a public port of an unowned sandbox may work only in that sandbox.
  if (by === 'nobody' && owner === undefined)
    return session !== undefined && session === thing.id ? 'member' : undefined;
  const isOwn = owner !== undefined && owner === thing.owner;
  if (!thing.projectId) return isOwn ? 'owner' : undefined;
  const role = projects?.get(thing.projectId);
  return role && isOwn && permits(role, 'work') ? 'owner' : role;
}

export const toOwnedResource = ({ id, owner }: Pick<Project, 'id' | 'owner'>): OwnedResource => ({
  owner,
  projectId: id,
});

/** The only place where permissions are decided. */
export function permitsAction(principal: Principal, action: AccessKind, thing: OwnedResource): boolean {
  if (principal.role === 'admin') return true;
  const isReading = action === 'see' || action === 'read';
  if (principal.role === 'reader') return isReading;
  if (thing.shared && isReading) return true;
  const role = roleIn(principal, thing);
  if (role && permits(role, action) && (isReading || hasRole(principal, 'user'))) return true;
  return action === 'see' ? canObserveAll(principal) : action === 'stop' && hasRole(principal, 'operator');
}

/** Without permission, throws `forbidden` if the principal is a reader or has any role on `thing`, else `gone()`. */
export function authorize(
  principal: Principal,
  action: AccessKind,
  thing: OwnedResource,
  gone: () => AppError = sessionNotFoundError,
): void {
  if (permitsAction(principal, action, thing)) return;
  const role = roleIn(principal, thing);
  if (principal.role === 'reader' || (role && !hasRole(principal, 'user'))) throw forbiddenRoleError(principal);
  throw role ? new AppError('forbidden', `The role ${role} in this project does not allow this.`) : gone();
}
export function requireRole(principal: Principal, least: 'user' | 'auditor' | 'operator' | 'admin'): void {
  if (!hasRole(principal, least)) throw forbiddenRoleError(principal);
}

export const ownerFilterOf = (
  { role, owner }: Principal,
  least: 'operator' | 'admin' = 'operator',
): string | undefined => {
  const seesAll = least === 'admin' ? hasRole({ role }, least) : canObserveAll({ role });
  return role === 'reader' || seesAll ? undefined : (owner ?? '');
};

export const projectFilterOf = ({ role, projects }: Principal, least: 'operator' | 'admin' = 'operator') =>
  ownerFilterOf({ role }, least) === undefined ? [] : [...(projects?.keys() ?? [])];

export const withDefaultProject = <Created extends { readonly projectId?: string | null | undefined }>(
  { home }: Principal,
  created: Created,
): Created => (home === undefined || created.projectId ? created : { ...created, projectId: home });

export const toOwnerField = ({ owner }: Principal) => owner !== undefined && { owner };

export const sessionNotFoundError = () => new AppError('session_not_found', 'There is no such session.');

export function redactSession(principal: Principal, session: SessionRecord): SessionRecord {
  if (permitsAction(principal, 'read', session)) return session;
  const { repositories: _, author: __, metadata: ___, ...rest } = session;
  return { ...rest, latestMessage: '', lastTask: '' };
}
