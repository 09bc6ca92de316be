import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { DaemonState } from '../shared-state.ts';

export type PerlHelper = ChildProcessByStdio<Writable, Readable, null>;
export type SystemCallNumberByArchitecture = Readonly<Record<'x64' | 'arm64', number>>;
interface HelperProgram {
  readonly program: string;
  /** System call numbers by architecture. The program's first arguments, before `numbers`. */
  readonly calls: readonly SystemCallNumberByArchitecture[];
  readonly numbers: readonly number[];
  readonly missing: string;
  readonly onWords: (words: readonly string[]) => void;
  readonly ended: () => void;
}

/** Rejects with unsupported. */
export async function startPerlHelper(
  { env, keepers }: Pick<DaemonState, 'env' | 'keepers'>,
  { program, calls, numbers, missing, onWords: listener, ended }: HelperProgram,
): Promise<PerlHelper> {
  const { arch } = process;
  if (arch !== 'x64' && arch !== 'arm64') throw new AppError('unsupported', `${missing}: its processor is ${arch}.`);
  const words = [...calls.map((call) => call[arch]), ...numbers].map(String);
  // Pass only PATH, because PERL5OPT and PERL5LIB could make perl load modules.
  const helper = spawn('perl', ['-f', '-e', program, '--', ...words], {
    env: { PATH: env.PATH },
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  helper.stdin.on('error', () => {}); // reported through `ended` when the helper closes
  await once(helper, 'spawn').catch((cause: unknown) => {
    throw new AppError('unsupported', `${missing}: its image has no perl.`, { cause });
  });
  const { pid = 0 } = helper;
  keepers.add(pid);
  createInterface({ input: helper.stdout }).on('line', (line) => listener(line.split(' ')));
  helper.once('close', () => {
    keepers.delete(pid);
    ended();
  });
  return helper;
}

/** Encode arbitrary text with `encodeHelperWord` first. */
export const encodeHelperLine = (...words: readonly string[]): string => `${words.join(' ')}\n`;
export const encodeHelperWord = (text: string | Buffer): string => `:${Buffer.from(text).toString('hex')}`;
export const decodeHelperWord = (word: string): Buffer => Buffer.from(word.slice(1), 'hex');
