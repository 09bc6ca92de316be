import { readFileSync } from 'node:fs';
import type { SandboxUsage } from '../../../src/sandboxes/client/client.ts';

const counters = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'];

/** How many of this sandbox's processes the kernel killed for lack of memory. 0 if unknown. */
export function readOomKills(): number {
  for (const file of counters) {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'latin1'))?.[1] ?? 0);
    } catch {} // this is the other cgroup version's file, or cgroups are not visible
  }
  return 0;
}

export function readCgroupUsage(): Pick<SandboxUsage, 'cpuSeconds' | 'memoryBytes' | 'memoryLimitBytes'> | undefined {
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

/** cgroup v1 reports "no limit" as a number larger than any machine's memory. */
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
