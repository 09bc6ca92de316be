import { AppError } from '../../core/errors/errors.ts';

const maxPath = 200; // characters
const maxParts = 8;
// Control characters, and characters that are invisible to people but visible to models.
const unseen = /[\p{C}\p{Zl}\p{Zp}]/u;

const refusal = (text: string) => new AppError('invalid_request', text);

export function checkNotePath(path: string): void {
  const shown = JSON.stringify(path.slice(0, 60));
  if (path === '' || path.length > maxPath)
    throw refusal(`The path of a note has 1 to ${maxPath} characters, such as build/commands.md.`);
  if (unseen.test(path)) throw refusal(`The path ${shown} has characters that nobody sees. Take them out.`);
  if (path !== path.normalize('NFC')) throw refusal(`The path ${shown} is not in the normal form of Unicode (NFC).`);
  const parts = path.split('/');
  if (parts.length > maxParts) throw refusal(`The path ${shown} has more than ${maxParts} parts. Use fewer folders.`);
  for (const part of parts) {
    if (part === '') throw refusal(`The path ${shown} begins or ends with a slash, or has two in a row. Take it out.`);
    if (part === '.' || part === '..') throw refusal(`The path ${shown} has a part ${part}. Name the note itself.`);
    if (part !== part.trim()) throw refusal(`A part of the path ${shown} begins or ends with a space. Take it out.`);
  }
}

/** Returns the size in bytes. Throws: invalid_request, payload_too_large. */
export function checkNoteText(text: string, most: number): number {
  if (!text.isWellFormed() || text.includes('\0'))
    throw refusal('The text of a note has half a character or a NUL. Notes are plain text.');
  const size = Buffer.byteLength(text);
  if (size <= most) return size;
  const what = `The note has ${size} bytes, and memory.max-note-bytes allows ${most}.`;
  throw new AppError('payload_too_large', `${what} Shorten it, or split it into several notes.`);
}
