import { once } from 'node:events';
import { createGunzip } from 'node:zlib';
import { AppError, toAppError } from '../../../core/errors/errors.ts';
import { detectArchiveFormat } from '../../../core/text/files/archive-format.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import { invalidArchiveError, readTarEntries, type TarEntry } from './tar-reader.ts';

export interface WorkspaceArchiveLimits {
  /** Limits the total size of all files. A sparse file counts at its full size. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}
const maxPath = 4_096;
const maxDepth = 200;
/** Maximum total length of symbolic links' paths, which stay in memory during the check. */
const maxLinkBytes = 32 * 1024 * 1024;
/**
 * Header fields that sandboxes' archives use. Others are refused, because some programs could take a file's name from
 * them.
 */
const known =
  /^([acm]time|path|linkpath|size|[ug]id|[ug]name|GNU\.sparse\.(major|minor|name|realsize|size)|SCHILY\.(xattr|acl)\..+|RHT\.security\.selinux)$/;
const plain: ReadonlySet<string> = new Set(['0', '1', '2', '5', '6']);

/** Fails before yielding the last byte if the archive is unsafe or too large. */
export async function* checkWorkspaceArchive(
  content: AsyncIterable<Uint8Array>,
  limits: WorkspaceArchiveLimits,
): AsyncGenerator<Uint8Array> {
  const unzip = createGunzip();
  unzip.on('error', () => {}); // the reader receives the error
  let isOver = false;
  const checking = check(readTarEntries(limited(unzip, limits)), limits).then(
    () => {
      isOver = true;
    },
    (thrown: unknown) => {
      unzip.destroy();
      throw thrown instanceof AppError ? thrown : unreadable(thrown);
    },
  );
  checking.catch(() => {}); // avoids an unhandled rejection until `checking` is awaited
  let [held, length] = [undefined as Uint8Array | undefined, 0];
  try {
    for await (const piece of content) {
      if (isOver) throw trailing();
      if (held) yield held;
      else assertGzip(piece);
      held = piece;
      length += piece.length;
      if (unzip.destroyed || !unzip.write(piece)) await Promise.race([once(unzip, 'drain'), checking]);
    }
    unzip.end();
    await checking;
    // The input may continue after the end of the compressed files.
    if (unzip.bytesWritten !== length) throw trailing();
    if (held) yield held;
  } catch (thrown) {
    if (unzip.errored) await checking; // zlib's error is less clear
    throw thrown;
  } finally {
    unzip.destroy();
  }
}

function assertGzip(start: Uint8Array): void {
  const format = detectArchiveFormat(start) ?? 'gzip';
  if (format !== 'gzip') throw invalidArchiveError(`its files are in the format ${format}, not compressed with gzip`);
}
const trailing = () => invalidArchiveError('it has data after its files');
/** Header bytes allowed per entry. The limit is needed because headers compress very well. */
const headersOfEntry = 4_096;
async function* limited(content: AsyncIterable<Buffer>, { maxBytes, maxEntries }: WorkspaceArchiveLimits) {
  let length = 0;
  for await (const piece of content) {
    length += piece.length;
    if (length > maxBytes + maxEntries * headersOfEntry) throw tooLarge(`unpacks to more than ${maxBytes} bytes`);
    yield piece;
  }
}

async function check(
  entries: AsyncIterable<TarEntry>,
  { maxBytes, maxEntries }: WorkspaceArchiveLimits,
): Promise<void> {
  const links = new Set<string>();
  let [count, bytes, linkBytes] = [0, 0, 0];
  for await (const entry of entries) {
    const unknown = [...entry.pax.keys()].find((field) => !known.test(field));
    if (unknown !== undefined) throw invalidArchiveError(`a header has the unknown field ${quoted(unknown)}`);
    if (!plain.has(entry.type))
      throw invalidArchiveError(`${quoted(entry.name)} is a device or another unsupported type of file`);
    if (entry.type !== '0' && entry.size > 0)
      throw invalidArchiveError(`${quoted(entry.name)} is not a file but has content`);
    if (++count > maxEntries) throw tooLarge(`has more than ${maxEntries} files`);
    bytes += parseSize(entry);
    if (bytes > maxBytes) throw tooLarge(`has more than ${maxBytes} bytes of files`);
    // A sparse file's real name is in a pax field.
    const paths = [entry.name, ...[entry.pax.get('GNU.sparse.name') ?? []].flat()].map((name) => inside(name, links));
    const path = paths.at(-1) as string;
    const isOfLink = entry.type === '1' && links.has(inside(entry.link, new Set()));
    if (entry.type === '1') inside(parentOf(entry.link), links);
    if (entry.type !== '2' && !isOfLink) continue;
    links.add(path);
    linkBytes += path.length;
    if (linkBytes > maxLinkBytes) throw tooLarge('has too many links');
  }
}

/** Throws if the path leaves the workspace, passes through a link or is too long. */
function inside(name: string, links: ReadonlySet<string>): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  const isBad = name.startsWith('/') || name.includes('\0') || parts.includes('..');
  if (isBad) throw invalidArchiveError(`${quoted(name)} is outside of the workspace`);
  if (name.length > maxPath || parts.length > maxDepth) throw invalidArchiveError(`${quoted(name)} is too long`);
  let path = '';
  for (const part of parts) {
    path = path === '' ? part : `${path}/${part}`;
    if (links.has(path)) throw invalidArchiveError(`${quoted(name)} would be written through the link ${quoted(path)}`);
  }
  return path;
}
const parentOf = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf('/')));

function parseSize({ pax, size, type }: TarEntry): number {
  if (type !== '0') return 0;
  const real = pax.get('GNU.sparse.realsize') ?? pax.get('GNU.sparse.size');
  if (real === undefined) return size;
  if (!/^\d{1,15}$/.test(real)) throw invalidArchiveError('a size is not a number');
  return Math.max(size, Number(real));
}

const quoted = (name: string) => JSON.stringify(name.length > 100 ? `${truncateEnd(name, 100)}…` : name);
const tooLarge = (what: string) =>
  new AppError('payload_too_large', `The archive was refused: it ${what}. Nothing was imported.`);
function unreadable(thrown: unknown): AppError {
  const { code } = thrown as { code?: unknown };
  return typeof code === 'string' && code.startsWith('Z_')
    ? invalidArchiveError('its files are not compressed with gzip, or are damaged')
    : toAppError(thrown);
}
