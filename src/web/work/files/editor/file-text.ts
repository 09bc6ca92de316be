const mark = '\ufeff';

/** A file's text with every sign that a save must keep. */
export interface ExactText {
  /** Without the byte-order mark; line ends are those of the file. */
  readonly text: string;
  readonly mark: string;
  /** False: the file is not UTF-8, so a save would change bytes that nobody touched. */
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

/** The line end of all texts together. Where they differ it is \n, and each \r is a sign of its line. */
export function detectLineEnd(...texts: readonly string[]): '\n' | '\r' | '\r\n' {
  const all = texts.filter((text) => /[\r\n]/.test(text));
  if (all.length === 0) return '\n';
  if (all.every((text) => !text.includes('\n'))) return '\r';
  return all.every((text) => !/(?:^|[^\r])\n|\r(?!\n)/.test(text)) ? '\r\n' : '\n';
}
