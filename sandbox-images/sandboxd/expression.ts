const pieces = /\\[pPxuUb]\{[^}]*\}|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|\{,\d+\}|\{/gs;
const inSet = /\[:\^?\w+:\]|\\.|\[|&&|~~/gs;

/**
 * A POSIX extended regular expression as ripgrep must be told it: there a `[` in a set, or a `{` that counts nothing,
 * is no plain character. What only ripgrep knows, such as `\d`, stays.
 */
export const forRipgrep = (regex: string): string =>
  regex.replace(pieces, (piece) => {
    if (piece === '{') return '\\{';
    return piece.startsWith('[') ? `[${piece.slice(1).replace(inSet, plain)}` : piece;
  });

const plain = (found: string): string => (/^(\[|&&|~~)$/.test(found) ? found.replace(/./g, '\\$&') : found);
