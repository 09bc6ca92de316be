import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, realpath, rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../src/core/errors.ts';
import { bad } from './body-fields.ts';
import { type Confined, fileError, type Parent } from './confined-paths.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/** Opens the folder of a file that is about to be written, which may be missing. A link at the path is followed. */
export async function atPlaceOf<Value>(
  place: Confined,
  path: string,
  work: (parent: Parent, before: Stats | undefined) => Promise<Value>,
): Promise<Value> {
  await using parent = await place.openParent(path, 'make');
  const before = await lstat(parent.at(parent.name)).catch(() => undefined);
  if (before?.isSymbolicLink()) {
    const target = await realpath(parent.at(parent.name)).catch((cause) => {
      throw fileError(cause, path);
    });
    return await atPlaceOf(place, place.locate(target), work);
  }
  if (before) regular(before, path);
  try {
    return await work(parent, before);
  } catch (thrown) {
    throw thrown instanceof AppError ? thrown : fileError(thrown as NodeJS.ErrnoException, path);
  }
}

interface Whole<Value> {
  readonly parent: Parent;
  readonly content: AsyncIterable<Uint8Array>;
  /** The mode of the file that is replaced. */
  readonly mode: number | undefined;
  /** Called with the complete file right before it takes its place. If it rejects, the old file stays. */
  readonly last: (written: FileHandle) => Promise<Value>;
}
let temporaries = 0;

/** The name always leads to a whole file: a concurrent reader sees the old one until the rename. */
export async function replaceWhole<Value>({ parent, content, mode, last }: Whole<Value>): Promise<Value> {
  const temporary = parent.at(`.corral-${process.pid}-${temporaries++}.tmp`);
  try {
    await using handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
    await writeAll(handle, content);
    if (mode !== undefined) await handle.chmod(mode & 0o777);
    const value = await last(handle);
    await rename(temporary, parent.at(parent.name));
    return value;
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

export function regular(stats: Pick<Stats, 'isFile' | 'isDirectory'>, path: string): void {
  if (stats.isFile()) return;
  throw bad(stats.isDirectory() ? `${path} is a folder.` : `${path} is not a regular file.`);
}

/** Chunks that arrive during a write are written together by the next one. */
export async function writeAll(handle: FileHandle, content: AsyncIterable<Uint8Array>): Promise<void> {
  async function write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten;
  }
  const gathering = new Writable({
    highWaterMark: 1024 * 1024,
    write: (chunk: Uint8Array, _encoding, done) => void write(chunk).then(() => done(), done),
    writev: (parts, done) => void write(Buffer.concat(parts.map(({ chunk }) => chunk))).then(() => done(), done),
  });
  await pipeline(content, gathering);
}
