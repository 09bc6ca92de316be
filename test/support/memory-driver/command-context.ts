import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { FileTree } from './file-tree.ts';
import type { Process, Processes } from './processes.ts';

export interface SandboxParts {
  readonly clock: Clock;
  readonly files: FileTree;
  readonly processes: Processes;
}

/** Resources that a memory sandbox's command can use. None of them belongs to this machine. */
export interface CommandContext {
  readonly files: FileTree;
  cwd: string;
  readonly env: Record<string, string>;
  out(bytes: Uint8Array): Promise<void> | void;
  err(text: string): Promise<void> | void;
  /** The next line of input; undefined at its end. */
  readLine(): Promise<string | undefined>;
  /** Rejects when the command is killed. */
  sleep(ms: number): Promise<void>;
  /** Starts a command that outlives its caller, until it is killed. */
  background(commandLine: string, run: (alone: CommandContext) => Promise<number>): void;
  readonly signal: AbortSignal;
}

export class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super('exit');
    this.code = code;
  }
}

/** Resolves with the command's own exit code, or the one it was killed with. */
export async function untilKilled(process: Process, ran: Promise<number>): Promise<number> {
  const killed = fired(process.killed).then(() => process.killed.reason as number);
  ran.catch(() => {}); // errors of a killed command are ignored
  return await Promise.race([ran, killed]);
}

export const inBackground =
  (inside: SandboxParts, tag: string | undefined): CommandContext['background'] =>
  (commandLine, run) => {
    const process = inside.processes.start(commandLine, tag);
    const alone: CommandContext = {
      files: inside.files,
      cwd: inside.files.root,
      env: {},
      out: () => {},
      err: () => {},
      readLine: async () => undefined,
      sleep: (ms) => sleeping(inside.clock, ms, process.killed),
      background: inBackground(inside, tag),
      signal: process.killed,
    };
    void untilKilled(process, run(alone)).then(process.done, process.done);
  };

export async function sleeping(clock: Clock, ms: number, killed: AbortSignal): Promise<void> {
  if (killed.aborted) throw new Error('killed');
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = clock.setTimeout(wake, ms);
  killed.addEventListener('abort', wake, { once: true });
  await promise;
  killed.removeEventListener('abort', wake); // otherwise a command that sleeps often would keep all of its listeners
  clock.clearTimeout(timer);
  if (killed.aborted) throw new Error('killed');
}

export async function fired(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}
