import type { MountedVolume } from '../../../drivers/driver.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { ResourceHolder } from '../../core/model/access/holder.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { VolumeRecords } from './volume-records.ts';

/**
 * Finds the volumes for a starting sandbox. A session that is no longer a writer can only read. Rejects: sandbox_unavailable (a
 * volume was deleted, or is in another project).
 */
export async function findMountedVolumes(
  records: Pick<VolumeRecords, 'get'>,
  { id, projectId, sandbox }: Pick<SessionRecord, 'id' | 'sandbox'> & ResourceHolder,
): Promise<readonly MountedVolume[]> {
  return await Promise.all(
    (sandbox?.volumes ?? []).map(async ({ volume, path, access }): Promise<MountedVolume> => {
      const found = await records.get(volume).catch((cause) => {
        if (!(cause instanceof AppError && cause.code === 'not_found')) throw cause;
        throw new AppError('sandbox_unavailable', `The volume ${volume} at ${path} is gone.`, { cause });
      });
      if (found.projectId && found.projectId !== projectId)
        throw new AppError('sandbox_unavailable', `The volume ${volume} at ${path} is in another project.`);
      const writes = found.holders.some((holder) => holder.sessionId === id && holder.access === 'write');
      return { volume, path, access: writes ? access : 'read', quotaBytes: found.quotaBytes };
    }),
  );
}
