import { resolve } from 'node:path';
import { createBadRequestError } from '../server/body-fields.ts';
import type { DaemonState } from '../shared-state.ts';

/** Returns the absolute path. `~` is the home; other relative paths start at the workspace. Throws invalid_request. */
export function resolveAbsolutePath(path: string, { place, env }: Pick<DaemonState, 'place' | 'env'>): string {
  if (path.includes('\0')) throw createBadRequestError('A path must not contain a NUL character.');
  if (Buffer.byteLength(path) > 4096) throw createBadRequestError('A path is at most 4096 bytes long.');
  if (path === '~' || path.startsWith('~/')) return resolve(env.HOME ?? place.root, path.slice(2));
  if (path.startsWith('~')) throw createBadRequestError(`The home of another user is not available: ${path}.`);
  return resolve(place.root, path);
}
