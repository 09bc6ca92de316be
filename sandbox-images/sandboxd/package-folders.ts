import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Packages that a user installs go below the home, because only the home and the workspace are writable. pip uses the home by
// default; npm needs a setting.

/** Variables that make `pip install` and `npm install -g` use the home, and add its programs to the path. */
export function createPackageEnvironment(env: NodeJS.ProcessEnv, uid: number | undefined): Record<string, string> {
  const { HOME: home, PATH: path = '' } = env;
  if (!home?.startsWith('/')) return {};
  const prefix = join(home, '.local');
  const bin = join(prefix, 'bin');
  return {
    PATH: path.split(':').includes(bin) ? path : `${bin}:${path}`,
    ...(env.npm_config_prefix === undefined && { npm_config_prefix: prefix }),
    // A user cannot change the system's packages, so pip's protection is only needed for root.
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
