import { readdirSync, readFileSync } from 'node:fs';
import type { SandboxUsage } from '../../../src/sandboxes/client/client.ts';
import { tryReadText } from '../files/read-if-any.ts';

// Synchronous, so that a scan comes close to a snapshot of a single moment.

export interface ProcessStat {
  readonly pid: number;
  readonly ppid: number;
  readonly group: number;
  readonly session: number;
  /** At most 15 bytes. */
  readonly name: string;
  /** Clock ticks since boot. */
  readonly startTicks: number;
  readonly zombie: boolean;
}

const pageBytes = 4_096; // too small on machines with larger pages
const ticksPerSecond = 100; // USER_HZ, which is the same on every Linux system that Node supports

export function scanProcesses(): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const name of readdirSync('/proc')) {
    const proc = /^\d+$/.test(name) ? look(Number(name)) : undefined;
    if (proc) found.push(proc);
  }
  return found;
}

function look(pid: number): ProcessStat | undefined {
  const stat = read(pid, 'stat');
  // The process name is in parentheses and can itself contain spaces and parentheses.
  const [state, ppid, group, session, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === undefined || rest.length < 16) return undefined;
  return {
    pid,
    ppid: Number(ppid),
    group: Number(group),
    session: Number(session),
    name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
    startTicks: Number(rest[15]),
    zombie: state === 'Z' || state === 'X',
  };
}

export const readProcessVariable = (pid: number, name: string) => parseEnvironmentVariable(read(pid, 'environ'), name);

/** `environment`: NUL-separated, as in /proc/PID/environ. */
export function parseEnvironmentVariable(environment: string, name: string): string | undefined {
  const environ = `\0${environment}`;
  const at = environ.indexOf(`\0${name}=`);
  if (at < 0) return undefined;
  const start = at + name.length + 2;
  return environ.slice(start, environ.indexOf('\0', start) >>> 0);
}

/** Undefined if the process is in the middle of exec. */
export function readProcessEnvironment(pid: number): string | undefined {
  const first = read(pid, 'environ');
  if (first !== '') return first;
  const before = read(pid, 'cmdline');
  const second = read(pid, 'environ');
  if (second !== '') return second;
  return before === '' || read(pid, 'cmdline') !== before ? undefined : '';
}

export const readCommandLine = (pid: number): string => read(pid, 'cmdline').split('\0').join(' ').trim();

/** Excludes the process's children. */
export function readProcessUsage(pid: number): { cpuSeconds: number; memoryBytes: number } {
  const stat = read(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return { cpuSeconds: ticks / ticksPerSecond, memoryBytes: Number(fields[21] ?? 0) * pageBytes };
}

/** Epoch ms. */
export function readStartTime(proc: ProcessStat, now: number): number {
  const uptime = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
  return Math.round(now - uptime * 1000 + (proc.startTicks * 1000) / ticksPerSecond);
}

const read = (pid: number, file: string): string => tryReadText(`/proc/${pid}/${file}`) ?? '';

const counters = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'];

/** 0 if unknown. */
export function readOomKills(): number {
  for (const file of counters) {
    const text = tryReadText(file); // undefined without a cgroup, or with the other cgroup version
    if (text !== undefined) return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
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
  const found = pattern.exec(tryReadText(file) ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}
