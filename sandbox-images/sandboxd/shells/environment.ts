import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Packages that a user installs go into the home folder, because only the home and the workspace are writable. pip uses the
// home by default; npm needs a setting.

/** Variables that make `pip install` and `npm install -g` use the home, and add its programs to the path. */
function createPackageEnvironment(env: NodeJS.ProcessEnv, uid: number | undefined): Record<string, string> {
  const { HOME: home, PATH: path = '' } = env;
  if (!home?.startsWith('/')) return {};
  const prefix = join(home, '.local');
  const bin = join(prefix, 'bin');
  return {
    PATH: path.split(':').includes(bin) ? path : `${bin}:${path}`,
    ...(env.npm_config_prefix === undefined && { npm_config_prefix: prefix }),
    // An unprivileged user cannot change the system's packages, so only root needs pip's protection.
    ...(uid !== 0 && env.PIP_BREAK_SYSTEM_PACKAGES === undefined && { PIP_BREAK_SYSTEM_PACKAGES: '1' }),
  };
}

/** A login shell takes its path from /etc/profile; this profile adds our folders again. Keeps an existing profile. */
export function writeShellProfile({ HOME: home, PATH: path = '' }: NodeJS.ProcessEnv): void {
  if (!home?.startsWith('/')) return;
  const quoted = `'${path.replaceAll("'", `'\\''`)}'`;
  try {
    writeFileSync(join(home, '.profile'), `PATH=${quoted}:"$PATH"\n`, { flag: 'wx', mode: 0o644 });
  } catch {} // a profile exists, or the home is not writable: login shells then use the system's path
}

export function createBaseEnvironment(env: NodeJS.ProcessEnv, uid = process.getuid?.()): Record<string, string> {
  const base: Record<string, string> = {
    // UTF-8, as with LANG=C.UTF-8. LANG would make every program load eleven more files that change nothing in this locale.
    ...(hasLocale(env) ? {} : { LC_CTYPE: 'C.UTF-8' }),
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    // No person uses these terminals: a pager would wait for a key, and colors would only add noise for a model.
    TERM: 'dumb',
    PAGER: 'cat',
    GIT_PAGER: 'cat',
    // Without SHELL, each bash looks up its user, which may take as long as a short command.
    SHELL: '/bin/bash',
  };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !isInternalVariable(name)) base[name] = value;
  }
  // Renamed by the init script, because under its real name it would also apply to the daemon's own Node.
  if (env.CORRAL_NODE_USE_ENV_PROXY) base.NODE_USE_ENV_PROXY = env.CORRAL_NODE_USE_ENV_PROXY;
  // The sandbox id also distinguishes this sandbox's processes from those of other sandboxes on a shared machine.
  if (env.CORRAL_SANDBOX_ID) base.CORRAL_SANDBOX_ID = env.CORRAL_SANDBOX_ID;
  return { ...base, ...createPackageEnvironment(base, uid) };
}

const hasLocale = (env: NodeJS.ProcessEnv) => ['LANG', 'LC_ALL', 'LC_CTYPE'].some((name) => env[name] !== undefined);

/** Variables that commands do not inherit from the daemon, and that are not carried to the next command. */
export const isInternalVariable = (name: string) =>
  name.startsWith('CORRAL_') || name === 'BASH_ENV' || name === 'SHLVL' || name === '_';

export const createOperationVariables = (operation: string, tag: string | undefined): Record<string, string> => ({
  CORRAL_OPERATION: operation,
  // A top-level bash with a socket as input (Node's pipes are sockets) assumes a remote login and reads ~/.bashrc.
  SHLVL: '1',
  ...(tag === undefined ? {} : { CORRAL_RUN: tag }),
});
