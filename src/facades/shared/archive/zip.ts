import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { archiveNames, safePath } from '../../../core/text/file-names.ts';

interface Entry {
  /** The path in the sandbox, relative to the workspace. */
  readonly path: string;
  readonly modified: string; // iso
}
interface ZipOptions {
  readonly open: (path: string) => Promise<{ readonly size: number; readonly content: Readable }>;
  /** The most bytes of all contents together; more breaks the stream. */
  readonly maxPacked: number;
}

/**
 * A zip file, whose entries are read one after another, while they are packed. Its names are safe on every system;
 * entries whose name is invalid in a workspace are left out. An error of an entry ends the stream, which then lacks its
 * directory.
 */
export function zip(entries: readonly Entry[], { open, maxPacked }: ZipOptions): Readable {
  const file = new ZipFile();
  const output = file.outputStream as Readable;
  const nameOf = archiveNames();
  let size = 0;
  const content = async (path: string) => {
    const file = await open(path);
    size += file.size;
    if (size <= maxPacked) return file.content;
    file.content.destroy();
    throw new Error('the files became larger while they were packed');
  };
  file.on('error', (error) => output.destroy(error));
  for (const { path, modified } of entries) {
    const judged = safePath(path);
    if (!judged) continue;
    file.addReadStreamLazy(nameOf(judged), { mtime: timeOf(modified), mode: 0o100644 }, (give) => {
      content(path).then((stream) => give(null, stream), give as (error: unknown) => void);
    });
  }
  file.end();
  return output;
}

/** The format can express the years 1980 to 2107. */
function timeOf(told: string): Date {
  const ms = Date.parse(told);
  return new Date(Math.min(Math.max(Number.isNaN(ms) ? 0 : ms, Date.UTC(1980, 0, 2)), Date.UTC(2107, 11, 30)));
}
