import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { AppError } from '../../../src/core/errors/errors.ts';
import { isFolderPath, toDisplayName } from '../../../src/core/text/file-names.ts';
import { decodeFileName } from '../../../src/core/text/files/byte-names.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import { type SystemPath, toSystemPath } from './byte-names.ts';

const { O_DIRECTORY, O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants;

/** Resolves clients' paths and keeps them inside the workspace, even while symbolic links change. */
export interface ConfinedPaths {
  readonly root: string;
  /** Mount points of the workspace, `root` first. /proc may report an open file under any of them. */
  readonly roots: readonly string[];
  /** The result is relative to the workspace; '' is the workspace itself. Throws path_outside or invalid_request. */
  locate(path: string): string;
  /** Follows links. Never waits for the other end of a FIFO. */
  open(path: string, flags?: number): Promise<FileHandle>;
  /** Opens the folder that contains the path's last component. `make`: creates missing folders. */
  openParent(path: string, missing: 'make' | 'refuse'): Promise<ParentFolderHandle>;
  whereIs(handle: FileHandle): Promise<string>;
}
export interface ParentFolderHandle extends AsyncDisposable {
  readonly name: string;
  /** Returns a path that stays correct even if the folder is moved or replaced. */
  readonly at: (name: string) => SystemPath;
}

const outside = (path: string) => new AppError('path_outside', `${path} is outside of the workspace.`);
const through = (handle: FileHandle) => `/proc/self/fd/${handle.fd}`;

/** `alias`: a second mount point of the workspace, ignored if it leads elsewhere. */
export async function createConfinedPaths(workspace: string, alias?: string): Promise<ConfinedPaths> {
  const root = await realpath(workspace);
  const isAlias = alias !== undefined && (await isSameFolder(alias, root));
  const roots = [...new Set([root, ...(isAlias ? [await realpath(alias)] : [])])];
  const bases = [...new Set([workspace, ...roots, ...(isAlias ? [alias] : [])])];

  const locate = (path: string): string => {
    if (path.includes('\0')) throw createBadRequestError('A path must not contain a NUL character.');
    if (Buffer.byteLength(path) > 4096) throw createBadRequestError('A path is at most 4096 bytes long.');
    for (const base of bases) {
      const inside = relative(base, resolve(base, path));
      if (inside !== '..' && !inside.startsWith('../')) return inside;
    }
    throw outside(path);
  };

  const whereIs = async (handle: FileHandle): Promise<string> => {
    const real = decodeFileName(await readlink(through(handle), { encoding: 'buffer' }));
    const base = roots.find((it) => real === it || real.startsWith(`${it}/`));
    if (base === undefined) throw outside('What the path leads to');
    return real.slice(base.length + 1);
  };

  // Checks the opened file itself, so swapping a link has no effect.
  const openChecked = async (at: string, shown: string, flags: number): Promise<FileHandle> => {
    const how = flags | O_NONBLOCK | O_NOCTTY;
    const path = await toSystemPath(at);
    const handle = await open(path, how).catch(async (cause) => {
      throw await explainFileError(path, cause, shown);
    });
    try {
      await whereIs(handle);
      return handle;
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  };

  const openFolder = async (inside: string, missing: 'make' | 'refuse'): Promise<FileHandle> => {
    try {
      return await openChecked(join(root, inside), inside, O_RDONLY | O_DIRECTORY);
    } catch (thrown) {
      if (missing === 'refuse' || inside === '' || !isCode(thrown, 'file_not_found')) throw thrown;
    }
    const parent = await openFolder(parentOf(inside), missing);
    try {
      const at = `${through(parent)}/${basename(inside)}`;
      await mkdir(await toSystemPath(at)).catch((cause) => {
        if (cause.code !== 'EEXIST') throw toFileError(cause, inside);
      });
      return await openChecked(at, inside, O_RDONLY | O_DIRECTORY);
    } finally {
      await parent.close();
    }
  };

  return {
    root,
    roots,
    locate,
    whereIs,
    open: (path, flags = O_RDONLY) => openChecked(join(root, locate(path), isFolderPath(path) ? '/' : ''), path, flags),
    async openParent(path, missing) {
      const inside = locate(path);
      if (inside === '') throw createBadRequestError('The path is the workspace itself.');
      if (missing === 'make' && isFolderPath(path)) throw createBadRequestError(`${path} names a folder, not a file.`);
      const folder = await openFolder(parentOf(inside), missing);
      const own = basename(inside);
      const place = await toSystemPath(`${through(folder)}/${own}`);
      return {
        name: own,
        at: (name) => (name === own ? place : `${through(folder)}/${name}`),
        [Symbol.asyncDispose]: () => folder.close(),
      };
    },
  };
}

const looks = 10;
async function isSameFolder(one: string, other: string): Promise<boolean> {
  for (let look = 0; look < looks; look++) {
    const [a, b] = await Promise.all([one, other].map((path) => stat(path, { bigint: true }).catch(() => undefined)));
    if (!a || !b) return false;
    if (a.dev === b.dev) return a.ino === b.ino;
    // In gVisor, device numbers differ between mounts, so compare attributes. Repeat, because a concurrent write can
    // change them.
    const facts = ({ ctimeNs, mtimeNs, uid, gid, mode }: typeof a) => `${[ctimeNs, mtimeNs, uid, gid, mode]}`;
    if (facts(a) === facts(b)) return true;
  }
  return false;
}

const parentOf = (inside: string) => (dirname(inside) === '.' ? '' : dirname(inside));
const isCode = (thrown: unknown, code: string) => thrown instanceof AppError && thrown.code === code;

export async function explainFileError(at: SystemPath, cause: NodeJS.ErrnoException, path: string): Promise<AppError> {
  const target = cause.code === 'ENOENT' ? await readlink(at, 'buffer').catch(() => undefined) : undefined;
  if (!target) return toFileError(cause, path);
  const shown = toDisplayName(decodeFileName(target));
  return new AppError('file_not_found', `${path} is a link to ${shown}, and nothing exists there.`, { cause });
}

export function toFileError(cause: NodeJS.ErrnoException, path: string): AppError {
  switch (cause.code) {
    case 'ENOENT':
      return new AppError('file_not_found', `There is no file ${path}.`, { cause });
    case 'ENOTDIR':
    case 'EEXIST':
      return new AppError('invalid_request', `${path} is not a folder, or leads through a file.`, { cause });
    case 'EISDIR':
      return new AppError('invalid_request', `${path} is a folder.`, { cause });
    case 'ENXIO':
    case 'ENODEV':
      return new AppError('invalid_request', `${path} is not a regular file.`, { cause });
    case 'ELOOP':
      return new AppError('invalid_request', `${path} leads through too many links.`, { cause });
    case 'ENAMETOOLONG':
      return new AppError('invalid_request', 'The name is too long for this file system.', { cause });
    case 'ENOTEMPTY':
      return new AppError('invalid_request', `${path} is a folder that is not empty.`, { cause });
    case 'EACCES':
    case 'EBUSY':
    case 'EINVAL':
    case 'EPERM':
    case 'EROFS':
      return new AppError('invalid_request', `The operating system does not allow this for ${path}.`, { cause });
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('quota', "The sandbox's disk is full. Delete some files first.", { cause });
    case 'ECONNRESET':
      return new AppError('cancelled', 'The client disconnected.', { cause });
    default:
      return new AppError('internal', 'A file operation failed in the sandbox.', { cause });
  }
}
