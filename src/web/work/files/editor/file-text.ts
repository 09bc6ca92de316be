const mark = '\ufeff';

/** A file's text, with everything that a save must preserve. */
export interface ExactText {
  /** Without the byte-order mark, and with the file's own line ends. */
  readonly text: string;
  readonly mark: string;
  /** False: the file is not UTF-8, so a save would change bytes that nobody edited. */
  readonly isExact: boolean;
}

export function exactText(bytes: Uint8Array): ExactText {
  const decode = (fatal: boolean) => new TextDecoder('utf-8', { fatal, ignoreBOM: true }).decode(bytes);
  const withMark = (text: string) => (text.startsWith(mark) ? { text: text.slice(1), mark } : { text, mark: '' });
  try {
    return { ...withMark(decode(true)), isExact: true };
  } catch {
    return { ...withMark(decode(false)), isExact: false };
  }
}

/** The common line end of all texts. If they differ it is \n, and each \r is part of its line. */
export function detectLineEnd(...texts: readonly string[]): '\n' | '\r' | '\r\n' {
  const all = texts.filter((text) => /[\r\n]/.test(text));
  if (all.length === 0) return '\n';
  if (all.every((text) => !text.includes('\n'))) return '\r';
  return all.every((text) => !/(?:^|[^\r])\n|\r(?!\n)/.test(text)) ? '\r\n' : '\n';
}
