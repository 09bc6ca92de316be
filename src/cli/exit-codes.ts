import { CorralError, type CorralErrorCode } from '../client/index.ts';

/** The exit codes of every command; scripts can rely on them. `corral exec` exits with the code of the program that it runs. */
export const exitCodes = {
  ok: { code: 0, about: 'done; for `run`: the run is completed' },
  failed: { code: 1, about: 'the command or the run failed' },
  usage: { code: 2, about: 'the command line is wrong' },
  unreachable: { code: 3, about: 'no Corral server answers, or the connection broke' },
  refused: { code: 4, about: 'the server does not accept the token, or the token lacks that right' },
  missing: { code: 5, about: 'there is no such session, file or terminal' },
  waiting: { code: 6, about: 'the run waits for an answer or an approval, and there is no terminal to ask on' },
  stopped: { code: 7, about: 'the run was stopped or its session deleted' },
  unsatisfied: { code: 8, about: 'the run completed, but its goal was not met or could not be judged' },
  interrupted: { code: 130, about: 'ended by ctrl-c' },
} as const;
export type ExitCodeName = keyof typeof exitCodes;

const byCode: Partial<Record<CorralErrorCode, ExitCodeName>> = {
  unreachable: 'unreachable',
  unauthorized: 'refused',
  forbidden: 'refused',
  rate_limited: 'refused',
  not_found: 'missing',
  session_not_found: 'missing',
  file_not_found: 'missing',
  shell_not_found: 'missing',
};

export class UsageError extends Error {}

export function toExitCode(thrown: unknown): number {
  if (thrown instanceof UsageError) return exitCodes.usage.code;
  if (thrown instanceof CorralError) return exitCodes[byCode[thrown.code] ?? 'failed'].code;
  return exitCodes.failed.code;
}
