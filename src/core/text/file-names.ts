import { trimEndCharacters } from './text.ts';

// A sandbox chooses the names of its files, and a compromised daemon can answer with any text. Every such name is checked here
// before it is used outside of the sandbox.

const maxPart = 255; // NAME_MAX of Linux, in bytes
const maxPath = 4_096; // PATH_MAX

/** A file of a workspace, with a valid name. */
export interface SafePath {
  /** The sandbox's own name for the file, relative to the workspace; use it in requests to the sandbox. */
  readonly path: string;
  /** A name that is safe to store on any system: no Windows separators, drive, device name or invisible characters. */
  readonly portable: string;
}

/**
 * Returns undefined if no workspace file can have this path, which means that the sandbox sent a false name. Such a path is
 * absolute, leads out of the workspace, is not in its shortest form, contains a NUL or is longer than Linux allows. Lengths are
 * in UTF-16 units: a name in an unknown encoding can have more bytes here than on disk, but never more units.
 */
export function parseSafePath(message: string): SafePath | undefined {
  if (!isSafePath(message)) return undefined;
  return { path: message, portable: message.split('/').map(portablePart).join('/') };
}

/** Whether `parseSafePath` returns a path. Cheaper, for long lists. */
export const isSafePath = (message: string): boolean => message.length <= maxPath && message.split('/').every(isPart);

/** Whether `parseSafeName` returns a name. Cheaper, for long lists. */
export const isSafeName = (message: string): boolean => !message.includes('/') && isSafePath(message);

/** Like `parseSafePath`, for a path of a single part, as in a folder's listing. */
export const parseSafeName = (message: string): SafePath | undefined =>
  message.includes('/') ? undefined : parseSafePath(message);

/** Whether the path can only be a folder's, because it ends in a slash, `.` or `..`. */
export const isFolderPath = (path: string): boolean => /\/$|(^|\/)\.{1,2}$/.test(path);

const isPart = (part: string) =>
  part !== '' && part !== '.' && part !== '..' && !part.includes('\0') && part.length <= maxPart;

// Control characters, direction marks, line separators, zero-width characters and the byte-order mark. Joiners are not included,
// because emoji and Persian text need them.
const invisible = /[\p{Cc}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/gu;
const special = /[\\:*?"<>|]/g;
const device = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)/i;

function portablePart(part: string): string {
  const named = part.toWellFormed().replace(invisible, '_').replace(special, '_');
  const plain = trimEndCharacters(named, '. ').padEnd(named.length, '_'); // Windows drops trailing dots and spaces: `.. ` would become `..`
  return shortened(device.test(plain) ? `_${plain}` : plain);
}

/** Shortens the part before the extension until the name fits into the byte limit. Inserts `suffix` before the extension. */
function shortened(name: string, suffix = ''): string {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : '';
  const room = maxPart - Buffer.byteLength(suffix + extension);
  let stem = name.slice(0, name.length - extension.length);
  while (Buffer.byteLength(stem) > room) stem = [...stem].slice(0, -1).join('');
  return `${stem}${suffix}${extension}`;
}

/** The name for display. Invisible characters are escaped, so that no name can look like another name or like two names. */
export const toDisplayName = (name: string): string =>
  name.toWellFormed().replace(invisible, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`);

/**
 * Creates a function that returns portable names for the files of one archive. No two of the names are equal, even if case and
 * Unicode normalization are ignored. Call the function once for each path.
 */
export function createArchiveNamer(): (file: SafePath) => string {
  const values = new Set<string>();
  const folders = new Map<string, string>();
  const next = new Map<string, number>();
  const alike = (name: string) => name.normalize('NFC').toUpperCase().toLowerCase();

  function place(parent: string, part: string): string {
    const target = `${parent}${portablePart(part)}`;
    let name = target;
    for (let n = next.get(alike(target)) ?? 2; values.has(alike(name)); n++) {
      name = `${parent}${shortened(portablePart(part), ` (${n})`)}`;
      next.set(alike(target), n + 1);
    }
    values.add(alike(name));
    return name;
  }
  return ({ path }) => {
    const parts = path.split('/');
    const file = parts.pop() as string;
    let message = '';
    let parent = '';
    for (const part of parts) {
      message += `${part}/`;
      const known = folders.get(message) ?? `${place(parent, part)}/`;
      folders.set(message, known);
      parent = known;
    }
    return place(parent, file);
  };
}
