import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Packages that a user installs go below the home, the one place beside the workspace that can be written: the root
// file system is read-only. pip goes there by itself, npm has to be told.

/** Where `pip install` and `npm install -g` put things, and their programs on the path. */
export function packageEnvironment(env: NodeJS.ProcessEnv, uid: number | undefined): Record<string, string> {
  const { HOME: home, PATH: path = '' } = env;
  if (!home?.startsWith('/')) return {};
  const prefix = join(home, '.local');
  const bin = join(prefix, 'bin');
  return {
    PATH: path.split(':').includes(bin) ? path : `${bin}:${path}`,
    ...(env.npm_config_prefix === undefined && { npm_config_prefix: prefix }),
    // The system's packages are out of a user's reach, so pip need not protect them. Root's would be in reach.
    ...(uid !== 0 && env.PIP_BREAK_SYSTEM_PACKAGES === undefined && { PIP_BREAK_SYSTEM_PACKAGES: '1' }),
  };
}

/** A login shell begins with the path of /etc/profile; here it gets ours back. A profile that is there is somebody's own. */
export function writeProfile({ HOME: home, PATH: path = '' }: NodeJS.ProcessEnv): void {
  if (!home?.startsWith('/')) return;
  const quoted = `'${path.replaceAll("'", `'\\''`)}'`;
  try {
    writeFileSync(join(home, '.profile'), `PATH=${quoted}:"$PATH"\n`, { flag: 'wx', mode: 0o644 });
  } catch {} // there is one, or no place for one: login shells then have the system's path
}
