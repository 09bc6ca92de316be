import type { MountedVolume } from '../driver.ts';

/** Passes the quota of each writable volume to the daemon, as one line `bytes path` per volume. */
export function createVolumeLimitEnvironment(volumes: readonly MountedVolume[] = []): Readonly<Record<string, string>> {
  const written = volumes.filter(({ access }) => access === 'write');
  if (written.length === 0) return {};
  return { CORRAL_VOLUMES: written.map(({ quotaBytes, path }) => `${quotaBytes} ${path}`).join('\n') };
}
