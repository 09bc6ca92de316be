import type { BigIntStats } from 'node:fs';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { Daemon, OpenFile } from '../daemon.ts';
import type { ConfinedPaths } from './confined-paths.ts';
import { readChunks } from './files.ts';
import { assertRegularFile, replaceFile, withTargetFolder } from './replace-file.ts';

export type Transfers = Pick<Daemon, 'sendFile' | 'receiveFile'>;
const noFile = 'none';

/** Files of the workspace, of any size. A file's version is its size and modification time. */
export function createTransfers(place: ConfinedPaths): Transfers {
  async function sendFile(path: string, { from = 0, most = Number.POSITIVE_INFINITY }): Promise<OpenFile> {
    const handle = await place.open(path);
    try {
      const stats = await handle.stat({ bigint: true });
      assertRegularFile(stats, path);
      const whole = Number(stats.size);
      const start = Math.min(from, whole);
      const size = Math.min(whole - start, most);
      const heading = Buffer.from(`${whole} ${versionOf(stats)}\n`);
      const chunks = headed(heading, readChunks(handle, { start, size }));
      return { size: heading.length + size, chunks, [Symbol.asyncDispose]: () => handle.close() };
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  const receiveFile: Transfers['receiveFile'] = (path, content, replaces) =>
    withTargetFolder(place, path, async (parent, before) => {
      const check = (now: BigIntStats | undefined) => {
        if (replaces === undefined || replaces === (now ? versionOf(now) : noFile)) return;
        throw new AppError('file_changed', 'The file has changed in the meantime.');
      };
      const written = await replaceFile({ parent, content, before, check });
      return { size: Number(written.size), version: versionOf(written) };
    });

  return { sendFile, receiveFile };
}

const billion = 1_000_000_000n;
const versionOf = ({ size, mtimeNs }: BigIntStats): string =>
  `${size}-${mtimeNs / billion}.${String(mtimeNs % billion).padStart(9, '0')}`;

async function* headed(heading: Uint8Array, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield heading;
  yield* chunks;
}
