import { statfs } from 'node:fs/promises';
import type { Driver } from '../../drivers/driver.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { type DiskFloor, diskFloor } from '../session/engine/disk-floor.ts';
import type { EngineLogger } from '../session/engine/engine-options.ts';

/** Docker's folder for volumes. A server in a container cannot see it and learns of the disk from its sandboxes. */
const engineFolder = '/var/lib/docker';

interface Parts {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly logger: EngineLogger;
}

/** Undefined when the disk is not this machine's: cluster nodes evict by themselves, and the memory driver uses none. */
export function floorFor(config: Config, { driver, clock, logger }: Parts): DiskFloor | undefined {
  if (driver.name !== 'docker' && driver.name !== 'process') return undefined;
  const places = driver.name === 'docker' ? [config.dataDir, engineFolder] : [config.dataDir];
  const freeOf = async (place: string) => {
    const found = await statfs(place).catch(() => undefined);
    return found ? found.bavail * found.bsize : Number.POSITIVE_INFINITY;
  };
  const freeBytes = async () => Math.min(...(await Promise.all(places.map(freeOf))));
  return diskFloor({ driver, clock, logger, floorBytes: config.sandbox.minFreeDisk, freeBytes });
}
