import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SharedState } from '../shared-state.ts';

/** A program for what Node has no call for. Requests and answers are lines of JSON on its stdin and stdout. */
export type PythonHelper = ChildProcessByStdio<Writable, Readable, null>;
interface HelperProgram {
  readonly options?: readonly string[];
  readonly program: string;
  readonly args: readonly string[];
  /** The error's words where the image has no python3. */
  readonly missing: string;
  /** Gets the value of each line. */
  readonly heard: (line: unknown) => void;
  readonly ended: () => void;
}

/** Starts a helper, which the ends of shells and runs leave alone. Rejects: unsupported. */
export async function startPython(
  { env, keepers }: Pick<SharedState, 'env' | 'keepers'>,
  { options = [], program, args, missing, heard, ended }: HelperProgram,
): Promise<PythonHelper> {
  const helper = spawn('python3', ['-I', '-S', ...options, '-c', program, ...args], {
    env,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  helper.stdin.on('error', () => {}); // the end of the helper reports it
  await once(helper, 'spawn').catch((cause: unknown) => {
    throw new AppError('unsupported', `${missing}: its image has no python3.`, { cause });
  });
  const { pid = 0 } = helper;
  keepers.add(pid);
  createInterface({ input: helper.stdout }).on('line', (line) => heard(JSON.parse(line)));
  helper.once('close', () => {
    keepers.delete(pid);
    ended();
  });
  return helper;
}
