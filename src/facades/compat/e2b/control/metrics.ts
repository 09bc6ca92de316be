import { sleep } from '../../../../core/concurrency/cancel.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import type { Services } from '../../../../sessions/api/services.ts';

const script = [
  'cpus=$(nproc)',
  'cache=$(cat /sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory/memory.stat 2>/dev/null |',
  '  awk \'$1=="file"||$1=="cache"{print $2; exit}\')',
  'total=$(awk \'$1=="MemTotal:"{print $2*1024}\' /proc/meminfo)',
  'df -B1 --output=used,size . | tail -n 1 | { read used size; echo "$cpus ${cache:-0} $total $used $size"; }',
].join('\n');
const sampleMs = 200;

export async function readMetricsSample(id: SessionId, services: Pick<Services, 'sandboxes'>, signal: AbortSignal) {
  const usage = await services.sandboxes.usage(id, signal);
  if (!usage) return undefined;
  const since = performance.now();
  const [{ stdout }] = await Promise.all([
    services.sandboxes.exec(id, { command: script, timeoutMs: 5_000 }, signal),
    sleep(sampleMs, signal),
  ]);
  const later = (await services.sandboxes.usage(id, signal)) ?? usage;
  const used = (later.cpuSeconds - usage.cpuSeconds) / ((performance.now() - since) / 1_000);
  const numbers = stdout.trim().split(/\s+/).map(Number);
  const [cpuCount = 1, memCache = 0, whole = 0, diskUsed = 0, diskTotal = 0] = numbers.map((value) => value || 0);
  return {
    cpuCount,
    cpuUsedPct: Math.max(0, Math.round(used * 10_000) / 100),
    memCache,
    diskUsed,
    diskTotal,
    memUsed: later.memoryBytes,
    memTotal: usage.memoryLimitBytes ?? whole,
  };
}
