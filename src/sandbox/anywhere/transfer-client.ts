import type { TransferClient } from '../abilities.ts';
import type { Health } from '../client.ts';
import { partValues, query } from '../query.ts';
import type { Ask } from '../request.ts';
import type { Again, Daemon } from './job-client.ts';

const anySize = Number.MAX_SAFE_INTEGER;

/** Files of any size in the workspace, behind the daemon's HTTP API. */
export function transferClient(
  { file, sending }: Daemon,
  again: Again,
  health: (signal: AbortSignal) => Promise<Health>,
): TransferClient {
  let canTransfer: boolean | undefined;
  return {
    async areSupported(signal) {
      canTransfer ??= isSince11((await again(signal, () => health(signal))).version);
      return canTransfer;
    },
    open: (path, part, signal) =>
      file({ method: 'GET', path: `/files/stream?${query({ path, ...partValues(part) })}` }, anySize, signal),
    write(path, content, { replaces }, signal) {
      const asked = query({ path, ...(replaces !== undefined && { replaces }) });
      const ask: Ask & { body: typeof content } = { method: 'PUT', path: `/files/stream?${asked}`, body: content };
      return sending('fileVersion', ask, signal);
    },
  };
}

/** The first version with these routes. A sandbox keeps the daemon of its image for life. */
function isSince11(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= 1);
}
