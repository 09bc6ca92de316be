import type { MountedVolume } from '../driver.ts';

/** One line `bytes path` per writable volume. */
export function createVolumeLimitEnvironment(volumes: readonly MountedVolume[] = []): Readonly<Record<string, string>> {
  const written = volumes.filter(({ access }) => access === 'write');
  if (written.length === 0) return {};
  return { CORRAL_VOLUMES: written.map(({ quotaBytes, path }) => `${quotaBytes} ${path}`).join('\n') };
}
