import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { AppError } from '../../src/core/errors.ts';
import type { FileVersion } from '../../src/sandbox/abilities.ts';
import { type Confined, fileError, type Parent } from './confined-paths.ts';
import type { Daemon, OpenFile } from './daemon.ts';
import { chunksOf, regular, writeAll } from './files.ts';

export type Transfers = Pick<Daemon, 'sendFile' | 'receiveFile'>;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const noFile = 'none';

/** Files of the workspace, of any size. Size and time of the last change are a file's version. */
export function transfers(place: Confined): Transfers {
  let temporaries = 0;

  async function sendFile(path: string, { from = 0, most = Number.POSITIVE_INFINITY }): Promise<OpenFile> {
    const handle = await place.open(path);
    try {
      const stats = await handle.stat({ bigint: true });
      regular(stats, path);
      const whole = Number(stats.size);
      const start = Math.min(from, whole);
      const size = Math.min(whole - start, most);
      const heading = Buffer.from(`${whole} ${versionOf(stats)}\n`);
      const chunks = headed(heading, chunksOf(handle, { start, size }));
      return { size: heading.length + size, chunks, [Symbol.asyncDispose]: () => handle.close() };
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  async function receiveFile(
    path: string,
    content: AsyncIterable<Uint8Array>,
    replaces: string | undefined,
  ): Promise<FileVersion> {
    await using parent = await place.openParent(path, 'make');
    const at = parent.at(parent.name);
    const before = await lstat(at).catch(() => undefined);
    if (before?.isSymbolicLink()) {
      const target = await realpath(at).catch((cause) => {
        throw fileError(cause, path);
      });
      return await receiveFile(place.locate(target), content, replaces);
    }
    if (before) regular(before, path);
    const part = parent.at(`.corral-${process.pid}-${temporaries++}.part`);
    try {
      await using handle = await open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
      await writeAll(handle, content);
      if (before) await handle.chmod(before.mode & 0o777);
      return await takePlace({ handle, part, parent, replaces });
    } catch (thrown) {
      await rm(part, { force: true });
      throw thrown instanceof AppError ? thrown : fileError(thrown as NodeJS.ErrnoException, path);
    }
  }

  return { sendFile, receiveFile };
}

interface Received {
  readonly handle: FileHandle;
  readonly part: string;
  readonly parent: Parent;
  readonly replaces: string | undefined;
}

/** The file changes its place whole, and only if the version that it replaces is still there. */
async function takePlace({ handle, part, parent, replaces }: Received): Promise<FileVersion> {
  const at = parent.at(parent.name);
  const stats = await handle.stat({ bigint: true });
  if (replaces !== undefined) {
    const now = await stat(at, { bigint: true }).then(versionOf, () => noFile);
    if (now !== replaces) throw new AppError('file_changed', 'The file has changed meanwhile.');
  }
  await rename(part, at);
  return { size: Number(stats.size), version: versionOf(stats) };
}

const billion = 1_000_000_000n;
const versionOf = ({ size, mtimeNs }: BigIntStats): string =>
  `${size}-${mtimeNs / billion}.${String(mtimeNs % billion).padStart(9, '0')}`;

async function* headed(heading: Uint8Array, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield heading;
  yield* chunks;
}
