import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { Action } from '../api/rules.ts';
import type { SnapshotService } from '../api/server/snapshots.ts';
import { authorize, authorizeRole, checkBy } from './authorize.ts';

const noSnapshot = () => new AppError('not_found', 'There is no such snapshot.');

export const snapshotCheck = (snapshots: SnapshotService, principalOf: () => Principal) =>
  checkBy((id: string) => snapshots.get(id), principalOf, noSnapshot);

const seesAll = ({ role }: Principal) => role === 'reader' || hasRole({ role }, 'operator');

interface SnapshotGuardDeps {
  readonly principalOf: () => Principal;
  readonly session: (id: SessionId, action: Action) => Promise<void> | undefined;
}

/** People see their own snapshots. Everyone who may work in a session may copy its files. */
export function guardedSnapshots(
  snapshots: SnapshotService,
  own: SnapshotService,
  { principalOf, session }: SnapshotGuardDeps,
): SnapshotService {
  const ownOf = ({ owner }: Principal) => owner !== undefined && { owner };
  return {
    ...own,
    async make(id, wish) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      await session(id, 'work');
      return await snapshots.make(id, { ...wish, ...ownOf(principal) });
    },
    async fork(id, wish) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      await session(id, 'work');
      return await snapshots.fork(id, { ...wish, ...ownOf(principal) });
    },
    async imported(wish) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      return await snapshots.imported({ ...wish, ...ownOf(principal) });
    },
    async list() {
      const principal = principalOf();
      return await snapshots.list(seesAll(principal) ? undefined : (principal.owner ?? ''));
    },
    async find(idOrName) {
      const principal = principalOf();
      const found = await snapshots.find(idOrName, seesAll(principal) ? undefined : (principal.owner ?? ''));
      authorize(principal, 'see', found, noSnapshot);
      return found;
    },
  };
}
