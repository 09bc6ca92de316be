import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Packages that a user installs go below the home, because only it and the workspace are writable: the root file system
// is read-only. pip uses the home by itself; npm needs a setting.

/** Variables that make `pip install` and `npm install -g` use the home, with their programs on the path. */
export function packageEnvironment(env: NodeJS.ProcessEnv, uid: number | undefined): Record<string, string> {
  const { HOME: home, PATH: path = '' } = env;
  if (!home?.startsWith('/')) return {};
  const prefix = join(home, '.local');
  const bin = join(prefix, 'bin');
  return {
    PATH: path.split(':').includes(bin) ? path : `${bin}:${path}`,
    ...(env.npm_config_prefix === undefined && { npm_config_prefix: prefix }),
    // A user cannot change the system's packages, so pip need not protect them. Root can.
    ...(uid !== 0 && env.PIP_BREAK_SYSTEM_PACKAGES === undefined && { PIP_BREAK_SYSTEM_PACKAGES: '1' }),
  };
}

/**
 * A login shell replaces the path with that of /etc/profile; this profile adds ours again. An existing profile is kept.
 */
export function writeProfile({ HOME: home, PATH: path = '' }: NodeJS.ProcessEnv): void {
  if (!home?.startsWith('/')) return;
  const quoted = `'${path.replaceAll("'", `'\\''`)}'`;
  try {
    writeFileSync(join(home, '.profile'), `PATH=${quoted}:"$PATH"\n`, { flag: 'wx', mode: 0o644 });
  } catch {} // a profile exists, or the home is not writable: login shells then use the system's path
}
