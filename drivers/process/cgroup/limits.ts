import type { SandboxLimits } from '../../driver.ts';

export type LimitName = 'memoryBytes' | 'cpus' | 'pids';
export type RequestedLimits = Pick<SandboxLimits, LimitName>;
interface LimitFile {
  readonly file: string;
  readonly value: string;
  /** Missing on kernels without swap accounting. */
  readonly optional?: true;
}

export const limitControllers = { memoryBytes: 'memory', pids: 'pids', cpus: 'cpu' } as const satisfies Record<
  LimitName,
  string
>;
export const limitNames = Object.keys(limitControllers) as LimitName[];
const periodUs = 100_000;

/** Returns the files in write order. Grants no extra swap, because sandboxes could fill the disk with it. */
export function toLimitFiles(
  version: 1 | 2,
  limit: LimitName,
  { memoryBytes, pids, cpus }: RequestedLimits,
): readonly LimitFile[] {
  const quota = Math.max(1_000, Math.round(cpus * periodUs)); // the kernel refuses quotas below 1 ms
  switch (limit) {
    case 'memoryBytes':
      return version === 2
        ? [
            { file: 'memory.max', value: `${memoryBytes}` },
            { file: 'memory.swap.max', value: '0', optional: true },
          ]
        : [
            { file: 'memory.limit_in_bytes', value: `${memoryBytes}` },
            { file: 'memory.memsw.limit_in_bytes', value: `${memoryBytes}`, optional: true },
          ];
    case 'pids':
      return [{ file: 'pids.max', value: `${pids}` }];
    case 'cpus':
      return version === 2
        ? [{ file: 'cpu.max', value: `${quota} ${periodUs}` }]
        : [
            { file: 'cpu.cfs_period_us', value: `${periodUs}` },
            { file: 'cpu.cfs_quota_us', value: `${quota}` },
          ];
  }
}

/** `usual` is the kernel's default. `first` prioritizes a sandbox. */
export const cpuShareFiles = {
  1: { file: 'cpu.shares', usual: '1024', first: '102400' },
  2: { file: 'cpu.weight', usual: '100', first: '10000' },
} as const satisfies Record<1 | 2, { file: string; usual: string; first: string }>;
export type CpuShareLevel = 'usual' | 'first';

export const oomFiles = ['memory.events', 'memory.oom_control'] as const;
