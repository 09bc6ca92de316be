import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { sleep } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { JobEnd, JobSpec, TerminalSize } from '../../../src/sandboxes/client/abilities.ts';
import { startInFolder } from '../files/byte-names.ts';
import { scanProcesses } from '../processes/proc.ts';
import { toProgramStartError } from '../processes/programs.ts';

export interface StartedJob {
  readonly pid: number;
  /** Pid of the process that holds the terminal. Undefined for pipes. */
  readonly keeper: number | undefined;
  readonly input: Writable;
  readonly outputs: readonly { readonly channel: 'output' | 'errors'; readonly stream: Readable }[];
  /** Resolves when the program has ended, possibly before all of its output was read. */
  readonly exited: Promise<JobEnd>;
  /** Undefined for pipes. */
  readonly resize: ((size: TerminalSize) => Promise<void>) | undefined;
}
interface JobEnvironment {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

const startMs = 5_000;

export async function startJob(job: JobSpec, place: JobEnvironment): Promise<StartedJob> {
  const [program = '', ...args] = job.argv;
  if (job.terminal) return await onTerminal(job.argv, job.terminal, place);
  const child = await spawned(program, args, place);
  const { stdout, stderr, stdin } = child;
  if (job.input === false) stdin.end();
  return {
    pid: child.pid ?? 0,
    keeper: undefined,
    input: stdin,
    exited: waitForEnd(child),
    resize: undefined,
    outputs: [
      { channel: 'output', stream: stdout },
      { channel: 'errors', stream: stderr },
    ],
  };
}

async function onTerminal(
  argv: readonly string[],
  size: TerminalSize,
  { cwd, env }: JobEnvironment,
): Promise<StartedJob> {
  const shell = env.SHELL ?? '/bin/bash';
  const command = `stty cols ${size.cols} rows ${size.rows}; SHELL=${quoted(shell)} exec ${argv.map(quoted).join(' ')}`;
  const own = { ...env, SHELL: '/bin/sh', TERM: env.TERM === 'dumb' ? 'xterm-256color' : env.TERM };
  const child = await spawned('script', ['-qefE', 'always', '-c', command, '/dev/null'], { cwd, env: own });
  const { pid, device } = await programOn(child).catch((thrown: unknown) => {
    child.kill('SIGKILL');
    throw thrown;
  });
  child.stderr.resume();
  return {
    pid,
    keeper: child.pid,
    input: child.stdin,
    exited: waitForEnd(child),
    outputs: [{ channel: 'output', stream: child.stdout }],
    async resize({ cols, rows }) {
      // `stty` sets the size in the kernel, and the kernel signals the foreground program.
      const stty = ['-F', device, 'cols', String(cols), 'rows', String(rows)];
      await promisify(execFile)('stty', stty).catch(() => {});
    },
  };
}

async function spawned(program: string, args: readonly string[], { cwd: folder, env }: JobEnvironment) {
  const child: ChildProcessWithoutNullStreams = await startInFolder(folder, (cwd) =>
    spawn(program, args, { cwd, env, detached: true, stdio: 'pipe' }),
  );
  child.stdin.on('error', () => {}); // the program closed its input or has ended
  await once(child, 'spawn').catch((cause: unknown) => {
    throw program === 'script'
      ? new AppError('unsupported', 'This sandbox cannot open terminals: its image has no `script`.', { cause })
      : toProgramStartError(program, cause, env.PATH);
  });
  return child;
}

async function waitForEnd(child: ChildProcessWithoutNullStreams): Promise<JobEnd> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal ? { exitCode: -1, signal } : { exitCode: code ?? -1 };
}

/** The program on the terminal of `script`, and the terminal's device. */
async function programOn({ pid: keeper, ...child }: ChildProcessWithoutNullStreams) {
  const patience = AbortSignal.timeout(startMs);
  while (child.exitCode === null && !patience.aborted) {
    const found = scanProcesses().find(({ ppid, zombie }) => ppid === keeper && !zombie);
    const device = found && readLinkTarget(`/proc/${found.pid}/fd/0`);
    if (found && device?.startsWith('/dev/pts/')) return { pid: found.pid, device };
    await sleep(5, patience).catch(() => {});
  }
  throw new AppError('sandbox_unavailable', 'The sandbox could not start the program; it may have reached its limits.');
}

function readLinkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // the program has just ended
  }
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
