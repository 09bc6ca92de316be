import { z } from 'zod';
import { size } from '../../config/kinds.ts';
import { VolumeId } from '../../core/model/ids.ts';
import { MountAccess, type Volume as Stored, VolumeName } from '../../core/model/sandboxes/volume.ts';
import type { VolumeService } from '../../sessions/api/server/volumes.ts';

const quota = size(2 ** 20).kind.describe('bytes, or a size such as 512MiB');
export const NewVolume = z.strictObject({
  name: VolumeName.describe('free among the volumes of its owner'),
  quota: quota.optional(),
});
export const VolumeChange = z.strictObject({ name: VolumeName.optional(), quota: quota.optional() });
export const VolumePath = z.string().max(4_096).describe('in the volume');

/** A volume, as every facade tells it. */
export const Volume = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.iso.datetime(),
  quotaBytes: z.int(),
  usedBytes: z.int().describe('as of the last look; content that is written or restored here makes one'),
  /** A session has been writing since that look. */
  changedSince: z.boolean().describe('a session has it for writing since that look'),
  mounts: z
    .array(z.object({ sessionId: z.string(), access: MountAccess, since: z.iso.datetime() }))
    .describe('the sessions that have it, until they are deleted'),
});
export const VolumeEntry = z.object({
  name: z.string(),
  type: z.enum(['file', 'directory', 'other']),
  size: z.int().nullable(),
  modified: z.string(),
});

export const volumeView = ({
  id,
  name,
  at,
  quotaBytes,
  usedBytes,
  isChanged,
  holders,
}: Stored): z.input<typeof Volume> => ({
  id,
  name,
  createdAt: new Date(at).toISOString(),
  quotaBytes,
  usedBytes,
  changedSince: isChanged,
  mounts: holders
    .filter(({ until }) => until === undefined)
    .map(({ sessionId, access, at: since }) => ({ sessionId, access, since: new Date(since).toISOString() })),
});

/** The id behind the id or name that a caller gave. Rejects: not_found. */
export const volumeIdOf = async (volumes: Pick<VolumeService, 'find'>, idOrName: string): Promise<string> =>
  VolumeId.safeParse(idOrName).data ?? (await volumes.find(idOrName)).id;
