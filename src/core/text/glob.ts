import { AppError } from '../errors/errors.ts';

// No regular expressions, so that untrusted patterns cannot run forever.

/** The name of a tool, or a glob for several. */
export const toolGlobPattern = /^[a-z*][a-z0-9_*]{0,99}$/;

const maxChars = 4_096; // the maximum length of a path

/** A glob without a slash matches the base name. Throws: invalid_request (too long, or too many alternatives). */
export function compileGlob(glob: string): (relativePath: string) => boolean {
  if (glob.length > maxChars) throw new AppError('invalid_request', `The glob has more than ${maxChars} characters.`);
  const patterns = alternatives(glob.replace(/^\.?\//, ''));
  if (!glob.includes('/')) return (path) => patterns.some((pattern) => matchName(pattern, nameOf(path)));
  const deep = patterns.map((pattern) => pattern.split('/'));
  return (path) => deep.some((parts) => matchParts(parts, path.split('/')));
}

/** An empty list matches everything. */
export function compileGlobs(globs: readonly string[]): (relativePath: string) => boolean {
  const fits = globs.map(compileGlob);
  return (path) => fits.length === 0 || fits.some((one) => one(path));
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** Expands `a{b,c}d` to `abd` and `acd`. */
function alternatives(glob: string): string[] {
  const open = glob.indexOf('{');
  const close = glob.indexOf('}', open);
  if (open < 0 || close < 0) return [glob];
  const rest = alternatives(glob.slice(close + 1));
  const choices = glob.slice(open + 1, close).split(',');
  if (choices.length * rest.length > 256) throw new AppError('invalid_request', 'The glob has too many alternatives.');
  return choices.flatMap((choice) => rest.map((end) => glob.slice(0, open) + choice + end));
}

/** `**` matches any number of folders. */
function matchParts(pattern: readonly string[], parts: readonly string[]): boolean {
  return wildcard(pattern, parts, {
    isStar: (part) => part === '**',
    matches: (part, name) => matchName(part, name),
  });
}

function matchName(pattern: string, name: string): boolean {
  return wildcard(tokens(pattern), [...name], {
    isStar: (token) => token === '*',
    matches: matchChar,
  });
}

/** `*` matches within one part, `**` across parts. Slashes and colons separate parts. */
export function matchesSegmentPattern(pattern: string, text: string): boolean {
  const parts = (of: string) => of.split(/(?<=[/:])/);
  const endsPart = (part: string) => /[/:]$/.test(part);
  return wildcard(parts(pattern), parts(text), {
    isStar: (part) => /^\*\*[/:]?$/.test(part),
    matches: (part, name) =>
      endsPart(part) === endsPart(name) &&
      wildcard([...part], [...name], { isStar: (char) => char === '*', matches: (one, other) => one === other }),
  });
}

function tokens(pattern: string): string[] {
  const lastClose = pattern.lastIndexOf(']');
  const found: string[] = [];
  for (let at = 0; at < pattern.length; at += found.at(-1)?.length ?? 1) {
    found.push(
      at < lastClose && pattern[at] === '['
        ? setAt(pattern, at)
        : (/^(\\.|.)/su.exec(pattern.slice(at, at + 3))?.[0] ?? ''),
    );
  }
  return found;
}

/** A `]` directly after the opening bracket belongs to the set. */
function setAt(pattern: string, at: number): string {
  const [begin = '['] = /^\[[!^]?\]?/.exec(pattern.slice(at, at + 3)) ?? [];
  const close = pattern.indexOf(']', at + begin.length);
  return pattern.slice(at, (close < 0 ? pattern.indexOf(']', at) : close) + 1);
}

function matchChar(token: string, char: string): boolean {
  if (token.startsWith('\\') && token.length > 1) return token.slice(1) === char;
  if (token.startsWith('[') && token.length > 2) return inSet(token, char);
  return token === '?' || token === char;
}

function inSet(set: string, char: string): boolean {
  const negated = set[1] === '!' || set[1] === '^';
  const members = [...set.slice(negated ? 2 : 1, -1)];
  let inside = false;
  for (let at = 0; at < members.length; at++) {
    const from = members[at] ?? '';
    const to = members[at + 1] === '-' && members[at + 2] !== undefined ? (members[at + 2] ?? '') : from;
    if (to !== from) at += 2;
    if (from <= char && char <= to) inside = true;
  }
  return inside !== negated;
}

interface Rules {
  isStar(item: string): boolean;
  matches(item: string, value: string): boolean;
}

/** Backtracks only to the last star, so the time is O(pattern × text). */
function wildcard(pattern: readonly string[], text: readonly string[], rules: Rules): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let position = 0;
  while (position < text.length) {
    const item = pattern[at];
    if (item !== undefined && rules.isStar(item)) {
      star = at++;
      resume = position;
    } else if (item !== undefined && rules.matches(item, text[position] ?? '')) {
      at++;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++resume;
    } else return false;
  }
  while (at < pattern.length && rules.isStar(pattern[at] ?? '')) at++;
  return at === pattern.length;
}
