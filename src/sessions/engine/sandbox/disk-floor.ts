import type { Driver } from '../../../../drivers/driver.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import { AppError, toAppError } from '../../../core/errors/errors.ts';
import type { SandboxId, SessionId } from '../../../core/model/ids.ts';
import { formatMiB } from '../../../core/text/text.ts';
import type { DiskUsage } from '../../../sandboxes/client/client.ts';

interface Options {
  readonly driver: Pick<Driver, 'destroy'>;
  readonly clock: Clock;
  readonly logger: Record<'warn' | 'error', (about: object, text: string) => void>;
  /** 0: no minimum. */
  readonly floorBytes: number;
  /** Free bytes on the fullest host disk that the server can see. */
  readonly freeBytes: () => Promise<number>;
}
export interface SandboxDiskUsage {
  readonly sessionId: SessionId;
  readonly sandboxId: SandboxId;
  readonly disk: DiskUsage;
}

/** Below the floor, sandboxes cannot start and the largest one is stopped. */
export interface DiskGuard {
  /** Rejects: disk_full. */
  admit(): Promise<void>;
  /** Resolves with the sandbox that this call stops, if any. */
  saw(used: SandboxDiskUsage): Promise<SandboxDiskUsage | undefined>;
  forget(id: SandboxId): void;
}

const lookMs = 1_000;
/** Minimum time between stops, because freeing space takes time. */
const pauseMs = 5_000;
const endMs = 30_000;

export function createDiskGuard({ driver, clock, logger, floorBytes, freeBytes }: Options): DiskGuard {
  const known = new Map<SandboxId, SandboxDiskUsage>();
  let lookedAt = Number.NEGATIVE_INFINITY;
  let stoppedAt = Number.NEGATIVE_INFINITY;

  /** The driver's disk may be visible only from inside a sandbox. */
  async function free(): Promise<number> {
    const seen = [...known.values()].map(({ disk }) => disk.freeBytes);
    return Math.min(await freeBytes(), ...seen);
  }

  return {
    async admit() {
      if (floorBytes === 0) return;
      const left = await free();
      if (left >= floorBytes) return;
      throw new AppError(
        'disk_full',
        `The host has ${formatMiB(left)} of free disk space, and sandboxes start only with ${formatMiB(floorBytes)} or more. Delete sessions that ` +
          'are not needed, or files on the host; CORRAL_SANDBOX_MIN_FREE_DISK sets how much must be free.',
      );
    },
    async saw(used) {
      known.set(used.sandboxId, used);
      if (floorBytes === 0 || clock.now() - lookedAt < lookMs || clock.now() - stoppedAt < pauseMs) return undefined;
      lookedAt = clock.now();
      if ((await free()) >= floorBytes) return undefined;
      const [greediest] = [...known.values()].sort((a, b) => b.disk.usedBytes - a.disk.usedBytes);
      if (!greediest) return undefined;
      stoppedAt = clock.now();
      known.delete(greediest.sandboxId);
      const { sandboxId, sessionId, disk } = greediest;
      const about = { session: sessionId, usedBytes: disk.usedBytes, floorBytes };
      logger.warn(about, 'the disk is nearly full: stopping the sandbox that uses the most');
      const call = { signal: AbortSignal.timeout(endMs) };
      void driver.destroy(sandboxId, 'keep', call).catch((error: unknown) => {
        logger.error({ ...about, err: toAppError(error) }, 'the sandbox that uses the most could not be stopped');
      });
      return greediest;
    },
    forget: (id) => void known.delete(id),
  };
}
