import { packageEnvironment } from './home.ts';

/** What every command starts with: the daemon's own environment without what is the daemon's alone. */
export function baseEnvironment(env: NodeJS.ProcessEnv, uid = process.getuid?.()): Record<string, string> {
  const base: Record<string, string> = {
    LANG: 'C.UTF-8',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    // Nobody sits at these terminals: no pager that waits for a key, no colours that a model would have to read.
    TERM: 'dumb',
    PAGER: 'cat',
    GIT_PAGER: 'cat',
  };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !isOurs(name)) base[name] = value;
  }
  // Also the mark by which the processes of one sandbox are told from another's on a shared machine.
  if (env.CORRAL_SANDBOX_ID) base.CORRAL_SANDBOX_ID = env.CORRAL_SANDBOX_ID;
  return { ...base, ...packageEnvironment(base, uid) };
}

/** Names that a command must neither inherit from the daemon nor carry over to the next one. */
export const isOurs = (name: string) =>
  name.startsWith('CORRAL_') || name === 'BASH_ENV' || name === 'SHLVL' || name === '_';

export const marks = (operation: string, tag: string | undefined): Record<string, string> => ({
  CORRAL_OPERATION: operation,
  // A top-level bash whose input is a socket, as Node's pipes are, takes itself for a remote login and reads ~/.bashrc.
  SHLVL: '1',
  ...(tag === undefined ? {} : { CORRAL_RUN: tag }),
});
