import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { toAppError } from '../../../core/errors/errors.ts';
import { createArchiveNamer, parseSafePath, type SafePath, toDisplayName } from '../../../core/text/file-names.ts';
import type { FolderListing } from './files-below.ts';

interface ZipOptions {
  readonly open: (path: string) => Promise<{ readonly size: number; readonly content: Readable }>;
  /** Maximum total bytes. Files that would exceed it are left out. */
  readonly maxPacked: number;
}

const ofOneFile: ReadonlySet<string> = new Set([
  'file_not_found',
  'invalid_request',
  'path_outside',
  'conflict',
  'payload_too_large',
]);

/** Holds at most one file (50 MiB) in memory. `LEFT_OUT.txt` lists entries that cannot be packed. */
export function createZipStream(
  { files, emptyFolders, others }: Omit<FolderListing, 'truncated'>,
  { open, maxPacked }: ZipOptions,
): Readable {
  const archive = new ZipFile();
  const output = archive.outputStream as Readable;
  const nameOf = createArchiveNamer();
  const left = others.map((path) => `${toDisplayName(path)}: a link or a special file`);
  let size = 0;
  const closed = new Promise<void>((resolve) => output.once('close', resolve));
  const add = async (bytes: Buffer, name: string, mtime: Date) => {
    const content = Readable.from([bytes], { objectMode: false });
    archive.addReadStream(content, name, { mtime, mode: 0o100644 });
    await Promise.race([closed, new Promise((resolve) => content.once('close', resolve))]);
  };
  const read = async (path: string): Promise<Buffer | undefined> => {
    const { size: reported, content } = await open(path);
    if (size + reported <= maxPacked) return await buffer(content);
    content.destroy();
    return undefined;
  };
  async function pack(): Promise<void> {
    let lost = '';
    for (const { path, modified } of files) {
      const judged = parseSafePath(path);
      if (output.destroyed) return;
      if (!judged) left.push(`${toDisplayName(path)}: its name is not valid`);
      else if (lost !== '') left.push(`${toDisplayName(path)}: ${lost}`);
      else {
        try {
          const bytes = await read(path);
          if (!bytes) left.push(`${toDisplayName(path)}: the archive would be too large`);
          else {
            size += bytes.length;
            await add(bytes, nameOf(judged), parseTime(modified));
          }
        } catch (thrown) {
          const { code, publicMessage } = toAppError(thrown);
          left.push(`${toDisplayName(path)}: ${ofOneFile.has(code) ? publicMessage : 'the sandbox ended'}`);
          if (!ofOneFile.has(code)) lost = 'the sandbox ended';
        }
      }
    }
    for (const folder of emptyFolders.map(parseSafePath)) if (folder) archive.addEmptyDirectory(nameOf(folder));
    if (left.length > 0) {
      const text = `These files are not in this archive:\n\n${left.join('\n')}\n`;
      await add(Buffer.from(text), nameOf(parseSafePath('LEFT_OUT.txt') as SafePath), new Date());
    }
    archive.end();
  }
  archive.on('error', (error) => output.destroy(error));
  pack().catch((error: Error) => output.destroy(error));
  return output;
}

function parseTime(message: string): Date {
  const ms = Date.parse(message);
  return new Date(Math.min(Math.max(Number.isNaN(ms) ? 0 : ms, Date.UTC(1980, 0, 2)), Date.UTC(2107, 11, 30)));
}
