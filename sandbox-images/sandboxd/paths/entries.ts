import type { Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { decodeFileName } from '../../../src/core/text/files/byte-names.ts';
import type { PathEntry } from '../../../src/sandboxes/client/abilities.ts';
import { toSystemPath } from '../files/byte-names.ts';
import { tryReadText } from '../files/read-if-any.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import type { DaemonState } from '../shared-state.ts';

/** `~` is the home folder; other relative paths start at the workspace. Throws invalid_request. */
export function resolveAbsolutePath(path: string, { place, env }: Pick<DaemonState, 'place' | 'env'>): string {
  if (path.includes('\0')) throw createBadRequestError('A path must not contain a NUL character.');
  if (Buffer.byteLength(path) > 4096) throw createBadRequestError('A path is at most 4096 bytes long.');
  if (path === '~' || path.startsWith('~/')) return resolve(env.HOME ?? place.root, path.slice(2));
  if (path.startsWith('~')) throw createBadRequestError(`The home of another user is not available: ${path}.`);
  return resolve(place.root, path);
}

/** A link gets its target's type and mode. Rejects with the system's error. */
export async function readPathEntry(path: string): Promise<PathEntry> {
  const at = await toSystemPath(path);
  const own = await lstat(at);
  if (!own.isSymbolicLink()) return toEntry(path, own, typeOf(own));
  const target = await realpath(at, 'buffer').then(decodeFileName, () => undefined); // undefined if the link is dangling
  const behind = target === undefined ? undefined : await stat(at).catch(() => undefined);
  const entry = toEntry(path, own, behind ? typeOf(behind) : 'broken');
  return {
    ...entry,
    mode: (behind ?? own).mode & 0o7777,
    isLink: true,
    ...(behind && target !== undefined && { target }),
  };
}

function toEntry(path: string, stats: Stats, type: PathEntry['type']): PathEntry {
  return {
    name: basename(path) || '/',
    path,
    type,
    size: stats.size,
    mode: stats.mode & 0o7777,
    owner: users.name(stats.uid),
    group: groups.name(stats.gid),
    modified: stats.mtime.toISOString(),
  };
}

const typeOf = (stats: Stats) => (stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'other');

class Names {
  readonly #files: readonly string[];
  #known = new Map<number, string>();

  constructor(files: readonly string[]) {
    this.#files = files;
  }

  name(id: number): string {
    if (!this.#known.has(id)) this.#read();
    const name = this.#known.get(id) ?? String(id);
    this.#known.set(id, name);
    return name;
  }

  #read(): void {
    for (const file of this.#files) {
      for (const line of (tryReadText(file) ?? '').split('\n')) {
        const [name, , id] = line.split(':');
        if (name && id && !this.#known.has(Number(id))) this.#known.set(Number(id), name);
      }
    }
  }
}

const users = new Names(['/etc/passwd', '/var/lib/extrausers/passwd']);
const groups = new Names(['/etc/group', '/var/lib/extrausers/group']);
