import { type ExecFileOptions, execFile } from 'node:child_process';
import { serverProgram } from './built-server.ts';

export interface ProgramOutcome {
  /** Null: a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, and accepts any exit code. */
export const outcomeOf = (
  program: string,
  args: readonly string[],
  options: ExecFileOptions = {},
): Promise<ProgramOutcome> =>
  new Promise((resolve) => {
    const child = execFile(program, args, { ...options, encoding: 'utf8' }, (_, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });

/** A command of the server, with these variables alone. */
export function serverCommand(args: readonly string[], settings: Readonly<Record<string, string>>) {
  const { PATH, HOME } = process.env;
  const command = ['--disable-warning=ExperimentalWarning', serverProgram(), ...args];
  return outcomeOf(process.execPath, command, { env: { PATH, HOME, ...settings } });
}
