const maxLine = 4_000; // characters
const maxPart = 2_000; // characters
const maxPartLines = 60;
const lineWidth = 90; // characters, for height estimates

export const truncateLine = (line: string, max = maxLine): string =>
  line.length <= max ? line : `${line.slice(0, max)}…`;

/** Splits within a line only if the line is too long for a part. */
export function splitTextParts(text: string): string[] {
  const parts: string[] = [];
  for (let from = 0; from < text.length; ) {
    const end = partEnd(text, from);
    parts.push(text.slice(from, end));
    from = end;
  }
  return parts;
}

function partEnd(text: string, from: number): number {
  if (text.length - from <= maxPart && countLines(text.slice(from)) <= maxPartLines) return text.length;
  let end = from;
  for (let lines = 0; lines < maxPartLines; lines++) {
    const next = text.indexOf('\n', end) + 1;
    if (next === 0 || next - from > maxPart) break;
    end = next;
  }
  return end > from ? end : toCharacterBoundary(text, from + maxPart);
}

/** Moves a cut that would split a character to the start of that character. */
export const toCharacterBoundary = (text: string, at: number): number =>
  at < text.length && /[\ud800-\udbff]/.test(text[at - 1] ?? '') ? at - 1 : at;

/** A line break at the end of the text does not start another line. */
export function countLines(text: string): number {
  let lines = text === '' ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return text.endsWith('\n') ? lines - 1 : lines;
}

export const estimateLineCount = (text: string): number =>
  text.split('\n').reduce((sum, { length }) => sum + Math.floor(length / lineWidth), countLines(text));

const hidden = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]--[\n\t]]/gv;

/** Also replaces characters that reorder text. Format: ⟨202E⟩. */
export const escapeHiddenCharacters = (text: string): string =>
  text.replace(hidden, (sign) => `⟨${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`);

/** Pasted or dropped text that the browser would cut, because the field's `maxLength` is too small for it. */
export function findTooLongText({ target, data }: InputEvent): string | undefined {
  if (!(target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement)) return undefined;
  if (!data || data.length < 2 || target.maxLength < 0) return undefined; // one character was typed
  const { value, selectionStart, selectionEnd, maxLength } = target;
  const kept = value.length - ((selectionEnd ?? 0) - (selectionStart ?? 0));
  return kept + data.length > maxLength ? data : undefined;
}
