import { statfs } from 'node:fs/promises';
import type { Driver } from '../../../drivers/driver.ts';
import { findDriver } from '../../../drivers/list.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { EngineLogger } from '../../sessions/engine/logger.ts';
import { createDiskGuard, type DiskGuard } from '../../sessions/engine/sandbox/disk-floor.ts';
import type { Config } from '../settings/config.ts';
import { resolveSandboxRoot } from './driver.ts';

interface DiskFloorDeps {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly logger: EngineLogger;
}

/** Undefined if the disk is not this machine's: cluster nodes evict by themselves, and the memory driver uses no disk. */
export function createServerDiskGuard(config: Config, { driver, clock, logger }: DiskFloorDeps): DiskGuard | undefined {
  const disks = findDriver(driver.name)?.disks?.(config.dataDir);
  if (!disks) return undefined;
  const places = [...disks, resolveSandboxRoot(config.dataDir)]; // operators can mount a separate disk for sandboxes
  const readFree = async (place: string) => {
    const found = await statfs(place).catch(() => undefined);
    return found ? found.bavail * found.bsize : Number.POSITIVE_INFINITY;
  };
  const freeBytes = async () => Math.min(...(await Promise.all(places.map(readFree))));
  return createDiskGuard({ driver, clock, logger, floorBytes: config.sandbox.minFreeDisk, freeBytes });
}
