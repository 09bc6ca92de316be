import type { DaemonHealth } from './client.ts';

type KnownVersion = '1.1' | '1.2' | '1.3' | '1.5' | '1.6' | '1.7';

/** Requests the version only once, because a sandbox keeps its image's daemon for its whole life. */
export type VersionCheck = (version: KnownVersion, signal: AbortSignal) => Promise<boolean>;

/** Version of an in-memory sandbox's daemon. Passes every check; unsupported methods reject with `unsupported`. */
const inMemory = 'memory';

export function createVersionCheck(health: (signal: AbortSignal) => Promise<DaemonHealth>): VersionCheck {
  let known: string | undefined;
  return async (target, signal) => {
    known ??= (await health(signal)).version;
    if (known === inMemory) return true;
    const [major = 0, minor = 0] = known.split('.').map(Number);
    const [wantedMajor = 0, wantedMinor = 0] = target.split('.').map(Number);
    return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  };
}
