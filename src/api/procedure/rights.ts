import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import { accessOf, authorize } from '../../sessions/access/authorize.ts';
import type { TrpcContext } from './context.ts';

/** The owner whose resources the caller lists. Undefined: every owner's. */
export const listedOwner = ({ role, owner }: Principal): string | undefined =>
  role === 'reader' || hasRole({ role }, 'operator') ? undefined : (owner ?? '');

/** The owner of what the caller creates, as a field. */
export const ownOf = ({ owner }: Principal) => owner !== undefined && { owner };

/** Rejects when the caller may not work in this project. */
export async function intoProject({ principal, services }: TrpcContext, id: string | null | undefined): Promise<void> {
  if (!id || principal.role === 'admin') return;
  const gone = () => new AppError('not_found', 'There is no such project.');
  authorize(principal, 'work', accessOf(await services.projects.get(id)), gone);
}
