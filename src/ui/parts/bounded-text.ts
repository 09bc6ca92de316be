// The browser's layout takes the longer the more text a line or a block has, so each has a limit where a text is drawn.

const maxLine = 4_000; // characters

/** A line for a row of a list, cut where it is too long for one. */
export const boundedLine = (line: string, max = maxLine): string =>
  line.length <= max ? line : `${line.slice(0, max)}…`;

const hidden = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]--[\n\t]]/gv;

/** Characters that a browser does not show, or that reorder the text around them, as their codes, such as ⟨202E⟩. */
export const withHidden = (text: string): string =>
  text.replace(hidden, (sign) => `⟨${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
