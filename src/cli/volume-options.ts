import type { VolumeMount } from '../client/index.ts';
import { UsageError } from './exit-codes.ts';

export const volumeOption: readonly [string, string] = [
  '--volume <volume:path...>',
  'volumes in its sandbox, such as cache:/mnt/cache to read or cache:/mnt/cache:write',
];

/** Parses the mounts of `--volume`. */
export function parseMounts(values: readonly string[]): readonly VolumeMount[] {
  return values.map((one) => {
    const [, volume, path, access = 'read'] = /^([^:]+):(\/[^:]+)(?::(read|write))?$/.exec(one) ?? [];
    if (volume === undefined || path === undefined) {
      throw new UsageError(`--volume ${one}: write volume:path, or volume:path:write, such as cache:/mnt/cache:write.`);
    }
    return { volume, path, access: access as 'read' | 'write' };
  });
}
