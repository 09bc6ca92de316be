import { type BigIntStats, constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../src/core/errors.ts';
import { keyedQueue } from '../../src/core/keyed-queue.ts';
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

interface Whole {
  readonly parent: Parent;
  readonly content: AsyncIterable<Uint8Array>;
  /** The mode of the file that is replaced. */
  readonly mode: number | undefined;
  /** Called with the file that is there (undefined: none) right before it is replaced. If it throws, the old file stays. */
  readonly check?: (now: BigIntStats | undefined) => void;
}
let temporaries = 0;
const inOrder = keyedQueue();

/**
 * Work on one name runs in order, so that nothing of this daemon comes between the check of a version and the rename. Keep
 * the work short: everyone who writes there waits.
 */
export async function inTurn<Value>(parent: Parent, work: () => Promise<Value>): Promise<Value> {
  const folder = await stat(parent.at('.'), { bigint: true });
  return await inOrder(`${folder.dev}:${folder.ino}/${parent.name}`, work);
}

/** The name always leads to a whole file: a concurrent reader sees the old one until the rename. */
export async function replaceWhole({ parent, content, mode, check }: Whole): Promise<BigIntStats> {
  const temporary = parent.at(`.corral-${process.pid}-${temporaries++}.tmp`);
  const target = parent.at(parent.name);
  try {
    await using handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
    await writeAll(handle, content);
    if (mode !== undefined) await handle.chmod(mode & 0o777);
    return await inTurn(parent, async () => {
      const now = await stat(target, { bigint: true }).catch(() => undefined);
      check?.(now);
      if (now) await makeLater(handle, now);
      const written = await handle.stat({ bigint: true });
      await rename(temporary, target);
      return written;
    });
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

const second = 1_000_000_000n;

/** The clock of a file system ticks every few milliseconds. Two writes in one tick must not look like one version. */
async function makeLater(handle: FileHandle, than: BigIntStats): Promise<void> {
  const { mtimeNs, atimeNs } = await handle.stat({ bigint: true });
  if (mtimeNs > than.mtimeNs || than.mtimeNs - mtimeNs > second) return; // a time in the future is a person's own
  const later = Number(than.mtimeNs / 1_000n + 2n) / 1_000_000; // whole microseconds are what the call keeps
  await handle.utimes(Number(atimeNs / 1_000n) / 1_000_000, later);
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
