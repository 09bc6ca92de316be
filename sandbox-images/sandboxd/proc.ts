import { readdirSync, readFileSync } from 'node:fs';

// Synchronous on purpose: a scan is a few hundred reads of kernel memory, and must be one moment's picture.

export interface Proc {
  readonly pid: number;
  readonly ppid: number;
  readonly group: number;
  readonly session: number;
  /** Of the program it runs now, up to 15 bytes. */
  readonly name: string;
  /** Clock ticks since the machine started; with the pid it names a process for ever. */
  readonly startTicks: number;
  readonly zombie: boolean;
}

const pageBytes = 4_096; // where pages are larger, memory is told too small
const ticksPerSecond = 100; // USER_HZ, the same on every Linux a Node runs on

export function scan(): Proc[] {
  const found: Proc[] = [];
  for (const name of readdirSync('/proc')) {
    const proc = /^\d+$/.test(name) ? look(Number(name)) : undefined;
    if (proc) found.push(proc);
  }
  return found;
}

function look(pid: number): Proc | undefined {
  const stat = read(pid, 'stat');
  // The second field is the name, which may contain anything, also spaces and brackets.
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

/** The variable as the process was started with it. */
export function variable(pid: number, name: string): string | undefined {
  const environ = `\0${read(pid, 'environ')}`;
  const at = environ.indexOf(`\0${name}=`);
  if (at < 0) return undefined;
  const start = at + name.length + 2;
  return environ.slice(start, environ.indexOf('\0', start) >>> 0);
}

export const commandLine = (pid: number): string => read(pid, 'cmdline').split('\0').join(' ').trim();

/** What a process has used by itself. */
export function usageOf(pid: number): { cpuSeconds: number; memoryBytes: number } {
  const stat = read(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return { cpuSeconds: ticks / ticksPerSecond, memoryBytes: Number(fields[21] ?? 0) * pageBytes };
}

/** When a process started, epoch ms. */
export function startedAt(proc: Proc, now: number): number {
  const uptime = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
  return Math.round(now - uptime * 1000 + (proc.startTicks * 1000) / ticksPerSecond);
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // gone, or not ours
  }
}
