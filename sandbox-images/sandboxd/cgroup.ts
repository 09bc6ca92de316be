import { readFileSync } from 'node:fs';

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
