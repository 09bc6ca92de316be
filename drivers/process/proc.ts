import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { sleep } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';

/** Unambiguous even if the pid is reused or the machine restarts. */
export interface ProcessIdentity {
  readonly pid: number;
  /** In clock ticks since boot. */
  readonly startTime: string;
  readonly boot: string;
}

/** Undefined if the process is gone or a zombie. */
export async function readStartTicks(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  // The process name can contain spaces and parentheses. Field 0 is the state, field 19 the start time.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ended = fields === undefined || fields[0] === 'Z' || fields[0] === 'X';
  return ended ? undefined : fields[19];
}

let boot: Promise<string> | undefined;
export const readBootId = () =>
  (boot ??= readFile('/proc/sys/kernel/random/boot_id', 'latin1').then((text) => text.trim()));

export async function readProcessIdentity(pid: number): Promise<ProcessIdentity | undefined> {
  const startTime = await readStartTicks(pid);
  return startTime === undefined ? undefined : { pid, startTime, boot: await readBootId() };
}

export async function isProcessAlive(mark: ProcessIdentity): Promise<boolean> {
  return mark.boot === (await readBootId()) && (await readStartTicks(mark.pid)) === mark.startTime;
}

/** Does nothing if the process is gone, even if its pid was reused. */
export async function killProcess(mark: ProcessIdentity, recipient: 'process' | 'group'): Promise<void> {
  if (!(await isProcessAlive(mark))) return;
  try {
    process.kill(recipient === 'group' ? -mark.pid : mark.pid, 'SIGKILL');
  } catch {
    // The process has since ended, or does not lead a group.
  }
}

/** Two of libuv's four thread-pool threads stay free for the store's writes. */
const lanes = 2;

/** If a process's environment is unreadable, as for sealed processes, searches its arguments for the value. */
export async function findProcessesByVariable(name: string, value: string): Promise<ProcessIdentity[]> {
  const target = `${name}=${value}`;
  const names = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid);
  const found: ProcessIdentity[] = [];
  const left = names.values();
  await Promise.all(Array.from({ length: lanes }, () => search(left)));
  return found;

  async function search(pids: Iterable<string>): Promise<void> {
    for (const pid of pids) {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      const isMeant =
        environment === ''
          ? (await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')).split('\0').includes(value)
          : environment.split('\0').includes(target);
      const mark = isMeant ? await readProcessIdentity(Number(pid)) : undefined;
      if (mark) found.push(mark);
    }
  }
}

/** Uses an abstract socket, so that a crash releases the lock. */
export async function acquireMachineLock(name: string, signal: AbortSignal): Promise<AsyncDisposable> {
  const path = `\0corral-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  for (;;) {
    const server = createServer((socket) => socket.destroy());
    try {
      server.listen(path);
      await once(server, 'listening');
      server.unref();
      return { [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())) };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
        throw new AppError('sandbox_unavailable', "The sandbox's lock could not be acquired.", { cause });
      }
      await sleep(25, signal);
    }
  }
}
