import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Package managers install into the home folder, because the system folders are not writable.

function createPackageEnvironment(env: NodeJS.ProcessEnv, uid: number | undefined): Record<string, string> {
  const { HOME: home, PATH: path = '' } = env;
  if (!home?.startsWith('/')) return {};
  const prefix = join(home, '.local');
  const bin = join(prefix, 'bin');
  return {
    PATH: path.split(':').includes(bin) ? path : `${bin}:${path}`,
    ...(env.npm_config_prefix === undefined && { npm_config_prefix: prefix }),
    // Only root needs pip's protection.
    ...(uid !== 0 && env.PIP_BREAK_SYSTEM_PACKAGES === undefined && { PIP_BREAK_SYSTEM_PACKAGES: '1' }),
  };
}

/** Restores PATH after /etc/profile resets it in login shells. Keeps an existing profile. */
export function writeShellProfile({ HOME: home, PATH: path = '' }: NodeJS.ProcessEnv): void {
  if (!home?.startsWith('/')) return;
  const quoted = `'${path.replaceAll("'", `'\\''`)}'`;
  try {
    writeFileSync(join(home, '.profile'), `PATH=${quoted}:"$PATH"\n`, { flag: 'wx', mode: 0o644 });
  } catch {} // a profile exists, or the home folder is not writable
}

export function createBaseEnvironment(env: NodeJS.ProcessEnv, uid = process.getuid?.()): Record<string, string> {
  const base: Record<string, string> = {
    // UTF-8 without LANG, which would make every program load eleven more files.
    ...(hasLocale(env) ? {} : { LC_CTYPE: 'C.UTF-8' }),
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    // Pagers would wait for a key, and colors are noise for a model.
    TERM: 'dumb',
    PAGER: 'cat',
    GIT_PAGER: 'cat',
    // Without SHELL, each bash looks up its user, which is slow.
    SHELL: '/bin/bash',
  };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !isInternalVariable(name)) base[name] = value;
  }
  // Under its real name, the variable would also affect the daemon's own Node.
  if (env.CORRAL_NODE_USE_ENV_PROXY) base.NODE_USE_ENV_PROXY = env.CORRAL_NODE_USE_ENV_PROXY;
  // Distinguishes this sandbox's processes on a shared machine.
  if (env.CORRAL_SANDBOX_ID) base.CORRAL_SANDBOX_ID = env.CORRAL_SANDBOX_ID;
  return { ...base, ...createPackageEnvironment(base, uid) };
}

const hasLocale = (env: NodeJS.ProcessEnv) => ['LANG', 'LC_ALL', 'LC_CTYPE'].some((name) => env[name] !== undefined);

/** Internal variables are not passed from the daemon to commands, or between commands. */
export const isInternalVariable = (name: string) =>
  name.startsWith('CORRAL_') || name === 'BASH_ENV' || name === 'SHLVL' || name === '_';

export const createOperationVariables = (operation: string, tag: string | undefined): Record<string, string> => ({
  CORRAL_OPERATION: operation,
  // Without SHLVL, bash reads ~/.bashrc if its input is a socket, and Node's pipes are sockets.
  SHLVL: '1',
  ...(tag === undefined ? {} : { CORRAL_RUN: tag }),
});
