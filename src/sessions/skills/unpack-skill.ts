import { isUtf8 } from 'node:buffer';
import { buffer } from 'node:stream/consumers';
import { type Entry, fromBufferPromise } from 'yauzl';
import { AppError } from '../../core/errors/errors.ts';
import { assertArchive, detectArchive } from '../../core/text/files/archive-format.ts';
import type { SkillFile } from '../api/server/skills.ts';
import { isIgnoredFile, skillLimits } from './skill-files.ts';

const maxEntries = 4 * skillLimits.files; // folders and skipped files included
const kinds = { mask: 0o170000, link: 0o120000, file: 0o100000 } as const;

const refused = (why: string, cause?: unknown) =>
  new AppError('invalid_request', `The archive cannot be read: ${why}. Upload the folder, or pack it again.`, {
    cause,
  });

/** Unpacks a single zip archive (`.zip`, `.skill`); returns other files unchanged. Rejects: invalid_request. */
export async function unpackSkill(files: readonly SkillFile[]): Promise<readonly SkillFile[]> {
  const [file] = files;
  if (files.length !== 1 || !file) return files;
  assertArchive(file.bytes, 'zip');
  if (detectArchive(file.bytes) !== 'zip') return files;
  try {
    return await unpacked(Buffer.from(file.bytes));
  } catch (thrown) {
    throw thrown instanceof AppError ? thrown : refused((thrown as Error).message, thrown);
  }
}

async function unpacked(archive: Buffer): Promise<SkillFile[]> {
  const zip = await fromBufferPromise(archive, { lazyEntries: true, autoClose: false });
  if (zip.entryCount > maxEntries)
    throw refused(`it has ${zip.entryCount} entries, and at most ${maxEntries} are allowed`);
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    if (entries.push(entry) > maxEntries) throw refused(`it has more than ${maxEntries} entries`);
  }
  const files: SkillFile[] = [];
  let left = skillLimits.bytes;
  for (const entry of entries) {
    const path = nameOf(entry);
    if (path.endsWith('/') || isIgnoredFile(path)) continue;
    const mode = entry.externalFileAttributes >>> 16; // 0 if packed on Windows
    const kind = mode & kinds.mask;
    if (kind === kinds.link) throw refused(`${path} is a link`);
    if (kind !== 0 && kind !== kinds.file) throw refused(`${path} is a device, or another special file`);
    if (entry.isEncrypted()) throw refused(`${path} has a password`);
    left -= entry.uncompressedSize;
    if (left < 0) throw refused(`its files have more than ${skillLimits.bytes} bytes`);
    const bytes = await buffer(await zip.openReadStreamPromise(entry));
    files.push({ path, bytes, ...((mode & 0o100) !== 0 && { executable: true }) });
  }
  return files;
}

/** NFC, as people type it: macOS packs decomposed names and does not mark them as UTF-8. */
const nameOf = ({ fileName, fileNameRaw }: Entry): string =>
  (isUtf8(fileNameRaw) ? fileNameRaw.toString() : fileName).replaceAll('\\', '/').normalize('NFC');
