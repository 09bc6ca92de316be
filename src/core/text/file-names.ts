import { trimEndCharacters } from './text.ts';

// File names are checked, because a compromised daemon can send any string.

const maxPart = 255; // NAME_MAX on Linux, in bytes
const maxPath = 4_096; // PATH_MAX

export interface SafePath {
  /** Relative to the workspace; for requests to the sandbox. */
  readonly path: string;
  /** Can be stored on any system, including Windows. */
  readonly portable: string;
}

/** Undefined if the path is absolute, outside the workspace, not normalized, too long for Linux, or contains a NUL. */
export function parseSafePath(message: string): SafePath | undefined {
  if (!isSafePath(message)) return undefined;
  return { path: message, portable: message.split('/').map(portablePart).join('/') };
}

/** Cheaper than `parseSafePath`, for long lists. */
export const isSafePath = (message: string): boolean => message.length <= maxPath && message.split('/').every(isPart);

/** Cheaper than `parseSafeName`, for long lists. */
export const isSafeName = (message: string): boolean => !message.includes('/') && isSafePath(message);

export const parseSafeName = (message: string): SafePath | undefined =>
  message.includes('/') ? undefined : parseSafePath(message);

export const isFolderPath = (path: string): boolean => /\/$|(^|\/)\.{1,2}$/.test(path);

const isPart = (part: string) =>
  part !== '' && part !== '.' && part !== '..' && !part.includes('\0') && part.length <= maxPart;

// Joiners are not included, because emoji and Persian text need them.
const invisible = /[\p{Cc}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/gu;
const special = /[\\:*?"<>|]/g;
const device = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)/i;

function portablePart(part: string): string {
  const named = part.toWellFormed().replace(invisible, '_').replace(special, '_');
  const plain = trimEndCharacters(named, '. ').padEnd(named.length, '_'); // Windows drops trailing dots and spaces: `.. ` would become `..`
  return shortened(device.test(plain) ? `_${plain}` : plain);
}

function shortened(name: string, suffix = ''): string {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : '';
  const room = maxPart - Buffer.byteLength(suffix + extension);
  let stem = name.slice(0, name.length - extension.length);
  while (Buffer.byteLength(stem) > room) stem = [...stem].slice(0, -1).join('');
  return `${stem}${suffix}${extension}`;
}

/** Escapes invisible characters, which could make different names look the same. */
export const toDisplayName = (name: string): string =>
  name.toWellFormed().replace(invisible, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`);

/** Names are portable and unique, ignoring case and Unicode normalization. Call the returned function once per path. */
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

const maxAttachedBytes = 64 * 1024 * 1024;

/** Place in the workspace of an upload that a message attaches. Undefined: too large to be copied there. */
export const findAttachmentPath = ({
  id,
  name,
  size,
}: {
  id: string;
  name: string;
  size: number;
}): string | undefined => (size <= maxAttachedBytes ? `${attachmentsFolder}/${id.slice(0, 8)}-${name}` : undefined);
export const attachmentsFolder = 'attachments';
