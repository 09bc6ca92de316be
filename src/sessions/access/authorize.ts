import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal, tooWeak } from '../../core/model/principal.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { Action } from '../api/rules.ts';

/** The part of a session, project or file that permissions depend on. */
export interface OwnedResource {
  readonly owner?: string | undefined;
  readonly shared?: boolean;
}

const owns = (principal: Principal, { owner }: OwnedResource): boolean =>
  principal.owner !== undefined && principal.owner === owner;

/** The only place that decides whether a principal is allowed an action. */
export function permitsAction(principal: Principal, action: Action, thing: OwnedResource): boolean {
  if (principal.role === 'admin') return true;
  const isReading = action === 'see' || action === 'read';
  if (principal.role === 'reader') return isReading;
  if (thing.shared && isReading) return true;
  if (owns(principal, thing)) return isReading || hasRole(principal, 'user');
  return hasRole(principal, 'operator') && (action === 'see' || action === 'stop');
}

/**
 * Throws `gone()` for another owner's object, as if it did not exist, and `forbidden` when only the principal's role is
 * too weak.
 */
export function authorize(
  principal: Principal,
  action: Action,
  thing: OwnedResource,
  gone: () => AppError = noSession,
): void {
  if (permitsAction(principal, action, thing)) return;
  throw principal.role === 'reader' || owns(principal, thing) ? tooWeak(principal) : gone();
}
export function authorizeRole(principal: Principal, least: 'user' | 'operator' | 'admin'): void {
  if (!hasRole(principal, least)) throw tooWeak(principal);
}

/** The owner whose resources the principal lists. Undefined: every owner's. */
export const listedOwner = (
  { role, owner }: Principal,
  least: 'operator' | 'admin' = 'operator',
): string | undefined => (role === 'reader' || hasRole({ role }, least) ? undefined : (owner ?? ''));

/** The owner of what the principal creates, as a field. */
export const ownOf = ({ owner }: Principal) => owner !== undefined && { owner };

export const noSession = () => new AppError('session_not_found', 'There is no such session.');

/** The session as this principal may see it: without texts, metadata and repositories unless the principal may read the session. */
export function toVisibleSession(principal: Principal, session: SessionRecord): SessionRecord {
  if (permitsAction(principal, 'read', session)) return session;
  const { repositories: _, author: __, metadata: ___, ...rest } = session;
  return { ...rest, latestMessage: '', lastTask: '' };
}
