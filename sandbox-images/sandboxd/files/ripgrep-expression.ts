const pieces = /\\[pPxuUb]\{[^{}\\]*\}|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]?|\{\d+(?:,\d*)?\}|\{,\d+\}|\{/gs;
const inSet = /\[:\^?\w+:\]|\\.|\[|&&|~~/gs;

/**
 * Converts a POSIX extended regular expression for ripgrep. There, a `[` in a set, or a `{` that counts nothing, is not a
 * plain character and needs a backslash. ripgrep's own syntax, such as `\d`, stays unchanged.
 */
export const forRipgrep = (regex: string): string =>
  regex.replace(pieces, (piece) => {
    if (piece === '{') return '\\{';
    return piece.startsWith('[') ? `[${piece.slice(1).replace(inSet, plain)}` : piece;
  });

const plain = (found: string): string => (/^(\[|&&|~~)$/.test(found) ? found.replace(/./g, '\\$&') : found);
