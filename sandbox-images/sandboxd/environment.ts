import { packageEnvironment } from './package-folders.ts';

/** The environment that every command starts with: the daemon's, without the daemon's own variables. */
export function baseEnvironment(env: NodeJS.ProcessEnv, uid = process.getuid?.()): Record<string, string> {
  const base: Record<string, string> = {
    LANG: 'C.UTF-8',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    // No person uses these terminals, so no pager that waits for a key, and no colours that a model would have to read.
    TERM: 'dumb',
    PAGER: 'cat',
    GIT_PAGER: 'cat',
  };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !isOurs(name)) base[name] = value;
  }
  // The sandbox id also tells this sandbox's processes from another's on a shared machine.
  if (env.CORRAL_SANDBOX_ID) base.CORRAL_SANDBOX_ID = env.CORRAL_SANDBOX_ID;
  return { ...base, ...packageEnvironment(base, uid) };
}

/** Variables that a command must not inherit from the daemon and that the next command must not inherit from it. */
export const isOurs = (name: string) =>
  name.startsWith('CORRAL_') || name === 'BASH_ENV' || name === 'SHLVL' || name === '_';

export const marks = (operation: string, tag: string | undefined): Record<string, string> => ({
  CORRAL_OPERATION: operation,
  // A top-level bash with a socket as input (Node's pipes are sockets) takes itself for a remote login and reads ~/.bashrc.
  SHLVL: '1',
  ...(tag === undefined ? {} : { CORRAL_RUN: tag }),
});
