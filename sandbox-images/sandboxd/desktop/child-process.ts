import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import { endProcessTree } from '../processes/end-processes.ts';
import type { MarkedProcesses } from '../processes/process-tree.ts';
import type { DaemonProcessSet } from '../shared-state.ts';

export interface DesktopProcessSpec {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  /** `oom_score_adj`, from 0 to 1000. The daemon and the shells have 0. */
  readonly oomScore: number;
  /** Normal instead of reduced priority, because a user may be watching. */
  readonly isPrompt?: boolean;
  /** Limits per process. */
  readonly most?: { readonly fileBytes: number; readonly dataBytes: number | undefined };
}
export interface DesktopProcess {
  readonly process: ChildProcess;
  readonly died: Promise<string>;
  end(): Promise<void>;
}

export async function startDesktopProcess(
  keepers: DaemonProcessSet,
  spec: DesktopProcessSpec,
): Promise<DesktopProcess> {
  const [program = ''] = spec.command;
  const own = `${limited(spec)} exec ${spec.isPrompt ? '' : 'nice -n 5 '}"$@"`;
  const mark = { name: 'CORRAL_SERVICE', value: randomBytes(8).toString('hex') } as const;
  const started = spawn('/bin/sh', ['-c', own, 'sh', ...spec.command], {
    cwd: spec.cwd,
    env: { ...spec.env, [mark.name]: mark.value },
    detached: true,
    stdio: spec.stdio,
  });
  const readLastWords = lastWords(started.stderr);
  const died = new Promise<string>((resolve) => {
    started.once('exit', (code, signal) =>
      resolve(`${nameOf(program)} ended with ${signal ?? `code ${code}`}${readLastWords()}`),
    );
    started.once('error', (error) => resolve(`${nameOf(program)} could not be started: ${error.message}`));
  });
  const { pid } = started;
  if (pid === undefined) throw new AppError('sandbox_unavailable', await died);
  // Matches by mark or by session: Chromium's crash handlers leave the session, and its other processes overwrite the
  // mark.
  const mine: MarkedProcesses = { ...mark, strays: ({ session }) => session === pid };
  return {
    process: started,
    died,
    async end() {
      await endProcessTree(mine, { spared: keepers.spared });
      await died;
    },
  };
}

function limited({ oomScore, most }: DesktopProcessSpec): string {
  const limits = [`echo ${oomScore} >/proc/self/oom_score_adj;`];
  // With XFSZ ignored, a write beyond the limit fails instead of killing the program.
  if (most) limits.push(`trap '' XFSZ; ulimit -f ${Math.floor(most.fileBytes / 512)};`);
  if (most?.dataBytes !== undefined) limits.push(`ulimit -d ${Math.floor(most.dataBytes / 1024)};`);
  return limits.join(' ');
}

const nameOf = (program: string) => program.slice(program.lastIndexOf('/') + 1);

function lastWords(stream: Readable | null): () => string {
  let words = '';
  stream?.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString('latin1')).slice(-300);
  });
  stream?.on('error', () => {});
  return () => (words.trim() === '' ? '' : `: ${words.trim().replaceAll(/\s+/g, ' ')}`);
}
