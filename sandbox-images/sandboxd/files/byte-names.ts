import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

// Linux names files by bytes, and JSON has text alone. Each byte that is not UTF-8 is written as \xHH, such as \xE9, in
// lists and matches, and the backslash of a name that looks like that as \x5C. A path in that form leads to the file, also
// to a new one.

const valid =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

const looksEscaped = /\\(?=x(?:5C|[89A-F][0-9A-F]))/g;

export function textOfName(name: Buffer): string {
  if (isUtf8(name)) return name.toString().replace(looksEscaped, '\\x5C');
  return name
    .toString('latin1')
    .replace(looksEscaped, '\\x5C')
    .replace(valid, (found) => {
      if (found.length > 1) return Buffer.from(found, 'latin1').toString();
      return `\\x${found.charCodeAt(0).toString(16).toUpperCase()}`;
    });
}

const escaped = /\\x(5C|[89A-F][0-9A-F])/;
/** A path as the system has it. */
export type SystemPath = string | Buffer;

/** The bytes that an escaped path names, unless only a file or folder with this very text as its name is there. */
export async function toSystemPath(path: string): Promise<SystemPath> {
  const bytes = bytesOfPath(path);
  if (!bytes) return path;
  const isThere = (one: SystemPath) =>
    lstat(one).then(
      () => true,
      () => false,
    );
  if (await isThere(bytes)) return bytes;
  if (await isThere(path)) return path;
  const folder = bytesOfPath(dirname(path));
  return !folder || (await isThere(folder)) || !(await isThere(dirname(path))) ? bytes : path;
}

/** Starts a process in a folder. `start` gets a path in text, because Node takes no other. */
export async function startIn<Started>(folder: string, start: (cwd: string) => Started): Promise<Started> {
  const path = await toSystemPath(folder);
  if (typeof path === 'string') return start(path);
  const opened = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return start(`/proc/self/fd/${opened.fd}`);
  } finally {
    void opened.close(); // not awaited: the caller must listen before the process reports its start
  }
}

export const isFolder = async (path: string): Promise<boolean> =>
  (await stat(await toSystemPath(path)).catch(() => undefined))?.isDirectory() ?? false;

/** The bytes of an escaped path. Undefined: nothing in it is escaped. */
function bytesOfPath(path: string): Buffer | undefined {
  if (!escaped.test(path)) return undefined;
  const parts = path.split(escaped).map((part, at) => (at % 2 === 1 ? Buffer.from(part, 'hex') : Buffer.from(part)));
  return Buffer.concat(parts);
}
