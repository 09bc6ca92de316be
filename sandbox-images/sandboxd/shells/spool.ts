import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ConfinedPaths } from '../files/confined-paths.ts';

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_TRUNC } = constants;
const memoryCap = 64 * 1024;

/** If the disk is full, keeps up to 64 KiB more in memory. */
export interface OutputSpool {
  readonly bytes: number;
  readonly full: boolean;
  append(chunk: Uint8Array): Promise<void>;
  /** The result may share memory with `into`. */
  read(from: number, into: Buffer): Promise<Uint8Array>;
  close(): Promise<void>;
}

export async function openOutputSpool(place: ConfinedPaths, path: string, cap: number): Promise<OutputSpool> {
  let file: FileHandle | undefined = await create(place, path);
  let inFile = 0;
  /** Output that did not fit on the disk, and the note about discarded output. */
  let after = Buffer.alloc(0);
  let full = false;

  const remember = (chunk: Uint8Array) => {
    after = Buffer.concat([after, chunk.subarray(0, memoryCap - after.length)]);
  };
  const stop = (note: string) => {
    full = true;
    after = Buffer.concat([after, Buffer.from(`\n[corral: ${note}]\n`)]);
  };

  return {
    get bytes() {
      return inFile + after.length;
    },
    get full() {
      return full;
    },
    async append(chunk) {
      if (full) return;
      const fits = chunk.subarray(0, cap - inFile);
      let done = 0;
      try {
        if (!file || after.length > 0) throw new Error('no file');
        while (done < fits.length) {
          const { bytesWritten } = await file.write(fits, done, fits.length - done, inFile);
          done += bytesWritten;
          inFile += bytesWritten;
          if (bytesWritten === 0) throw new Error('the disk accepts no more data');
        }
        if (inFile >= cap) stop(`output beyond ${Math.round(cap / 1024 / 1024)} MiB is not kept`);
      } catch {
        remember(fits.subarray(done));
        if (after.length >= memoryCap) stop('the disk is full; further output is not kept');
      }
    },
    async read(from, into) {
      if (from >= inFile) return after.subarray(from - inFile);
      return await readSpool(place, path, from, into.subarray(0, inFile - from), file);
    },
    async close() {
      const open = file;
      file = undefined;
      await open?.close().catch(() => {});
    },
  };
}

export async function readSpool(
  place: ConfinedPaths,
  path: string,
  from: number,
  into: Buffer,
  open?: FileHandle,
): Promise<Uint8Array> {
  const reader = open ?? (await place.open(path).catch(() => undefined));
  try {
    const result = await reader?.read(into, 0, into.length, from);
    return into.subarray(0, result?.bytesRead ?? 0);
  } finally {
    if (reader !== open) await reader?.close();
  }
}

export async function readSpoolTail(place: ConfinedPaths, path: string): Promise<string> {
  const file = await place.open(path).catch(() => undefined);
  if (!file) return '';
  await using _ = file;
  const { size } = await file.stat();
  const buffer = Buffer.allocUnsafe(memoryCap);
  const { bytesRead } = await file.read(buffer, 0, memoryCap, Math.max(0, size - memoryCap));
  return buffer.toString('utf8', 0, bytesRead);
}

async function create(place: ConfinedPaths, path: string): Promise<FileHandle | undefined> {
  try {
    await using parent = await place.openParent(path, 'make');
    return await open(parent.at(parent.name), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0o644);
  } catch {
    return undefined;
  }
}
