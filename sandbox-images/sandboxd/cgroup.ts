import { readFileSync } from 'node:fs';
import type { SandboxUsage } from '../../src/sandbox/client.ts';

const counters = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'];

/** How often the kernel killed something of this sandbox for memory; 0 where it does not say. */
export function oomKills(): number {
  for (const file of counters) {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'latin1'))?.[1] ?? 0);
    } catch {} // the other version of cgroups, or none visible
  }
  return 0;
}

/** What the kernel counts for this sandbox's control group; undefined where it is not in sight. */
export function counted(): Pick<SandboxUsage, 'cpuSeconds' | 'memoryBytes' | 'memoryLimitBytes'> | undefined {
  const cpuMicroseconds = numberIn('/sys/fs/cgroup/cpu.stat', /^usage_usec (\d+)$/m);
  const memoryBytes = numberIn('/sys/fs/cgroup/memory.current');
  if (cpuMicroseconds !== undefined && memoryBytes !== undefined) {
    return usage(cpuMicroseconds / 1e6, memoryBytes, numberIn('/sys/fs/cgroup/memory.max'));
  }
  const cpuNanoseconds = numberIn('/sys/fs/cgroup/cpuacct/cpuacct.usage');
  const oldMemory = numberIn('/sys/fs/cgroup/memory/memory.usage_in_bytes');
  if (cpuNanoseconds === undefined || oldMemory === undefined) return undefined;
  const limit = numberIn('/sys/fs/cgroup/memory/memory.limit_in_bytes');
  return usage(cpuNanoseconds / 1e9, oldMemory, limit);
}

/** The older cgroups say "no limit" by a number that no machine has. */
const usage = (cpuSeconds: number, memoryBytes: number, limit: number | undefined) => ({
  cpuSeconds,
  memoryBytes,
  memoryLimitBytes: limit === undefined || limit > 2 ** 60 ? null : limit,
});

function numberIn(file: string, pattern = /^(\d+)$/m): number | undefined {
  try {
    const found = pattern.exec(readFileSync(file, 'latin1'))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}
