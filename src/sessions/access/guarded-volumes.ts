import { AppError, unlessNotFound } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { VolumeService } from '../api/server/volumes.ts';
import { authorize, authorizeRole, checkBy } from './authorize.ts';

const noVolume = () => new AppError('not_found', 'There is no such volume.');

export const volumeCheck = (volumes: VolumeService, principalOf: () => Principal) =>
  checkBy((id: string) => volumes.get(id), principalOf, noVolume);

const seesAll = ({ role }: Principal) => role === 'reader' || hasRole({ role }, 'operator');

/** People see their own volumes. */
export function guardedVolumes(
  volumes: VolumeService,
  own: VolumeService,
  principalOf: () => Principal,
): VolumeService {
  return {
    ...own,
    async create({ owner: _, ...wish }) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      return await volumes.create({ ...wish, ...(principal.owner !== undefined && { owner: principal.owner }) });
    },
    async list() {
      const principal = principalOf();
      return await volumes.list(seesAll(principal) ? undefined : (principal.owner ?? ''));
    },
    async find(idOrName) {
      const principal = principalOf();
      // Names are those of the caller; others are found by their ids.
      const mine =
        principal.owner === undefined ? undefined : await volumes.find(idOrName, principal.owner).catch(unlessNotFound);
      const found = mine ?? (await volumes.find(idOrName, seesAll(principal) ? undefined : (principal.owner ?? '')));
      authorize(principal, 'see', found, noVolume);
      return found;
    },
  };
}
