import { AppError } from '../../core/errors/errors.ts';
import { authorize, toOwnedResource } from '../../sessions/access/authorize.ts';
import type { TrpcContext } from './context.ts';

export async function authorizeProject(
  { principal, services }: TrpcContext,
  id: string | null | undefined,
): Promise<void> {
  if (!id || principal.role === 'admin') return;
  const gone = () => new AppError('not_found', 'There is no such project.');
  authorize(principal, 'work', toOwnedResource(await services.projects.get(id)), gone);
}
