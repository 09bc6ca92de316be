// Edits use \n, but files can have Windows, old Mac or mixed line endings.

const hasOldEnds = (text: string) => text.includes('\r') && !text.includes('\n');
const unix = (text: string, isOld: boolean) => text.replace(isOld ? /\r\n?/g : /\r\n/g, '\n');

export interface ReplacementResult {
  readonly text: string;
  readonly times: number;
}

/** A \n in `old` matches any line ending; inserted line endings are like those nearby. */
export function replaceOccurrences(text: string, old: string, now: string): ReplacementResult {
  const isOld = hasOldEnds(text);
  const plain = unix(text, isOld);
  const form = formIn(plain, unix(old, isOld));
  const [sought, target] = [form(unix(old, isOld)), form(unix(now, isOld))];
  // Only line endings change, so both strings are used as they are.
  if (old !== now && sought === target && text.includes(old)) {
    const pieces = text.split(old);
    return { text: pieces.join(now), times: pieces.length - 1 };
  }
  const same = sharedEnds(sought, target);
  const added = target.slice(same.start, target.length - same.end);
  const raw = rawPositions(text, isOld);
  const endAt = lineEnds(text, isOld);
  const parts: string[] = [];
  let done = 0;
  let times = 0;
  for (let at = plain.indexOf(sought); at >= 0; at = plain.indexOf(sought, at + sought.length)) {
    const begin = raw(at);
    const from = raw(at + same.start);
    const to = raw(at + sought.length - same.end);
    parts.push(text.slice(done, from), added.includes('\n') ? added.replaceAll('\n', endAt(begin)) : added);
    done = to;
    times++;
  }
  return { text: parts.join('') + text.slice(done), times };
}

/** Returns a function that converts to the Unicode normalization form in which `text` contains `sought`, if any. */
function formIn(text: string, sought: string): (piece: string) => string {
  const form = text.includes(sought)
    ? undefined
    : (['NFC', 'NFD'] as const).find((one) => text.includes(sought.normalize(one)));
  return (piece) => (form ? piece.normalize(form) : piece);
}

function sharedEnds(one: string, other: string): { readonly start: number; readonly end: number } {
  const most = Math.min(one.length, other.length);
  let start = 0;
  while (start < most && one[start] === other[start]) start++;
  let end = 0;
  while (end < most - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  return { start, end };
}

/** Maps positions in the text with \n line endings to positions in `text`. Positions must not decrease across calls. */
function rawPositions(text: string, isOld: boolean): (plain: number) => number {
  if (isOld || !text.includes('\r\n')) return (plain) => plain;
  let before = 0;
  let next = text.indexOf('\r\n');
  return (plain) => {
    while (next >= 0 && next - before < plain) {
      before++;
      next = text.indexOf('\r\n', next + 2);
    }
    return plain + before;
  };
}

/** The first line ending at or after a position, else the last one. Positions must not decrease. */
function lineEnds(text: string, isOld: boolean): (from: number) => string {
  if (isOld) return () => '\r';
  const kindAt = (at: number) => (text[at - 1] === '\r' ? '\r\n' : '\n');
  const last = kindAt(text.lastIndexOf('\n'));
  let next = text.indexOf('\n');
  return (from) => {
    if (next >= 0 && next < from) next = text.indexOf('\n', from);
    return next < 0 ? last : kindAt(next);
  };
}

/** Appended text that contains \r stays unchanged. */
export const convertLineEndings = (text: string, added: string): string => {
  const isOld = hasOldEnds(text);
  return added.includes('\r') ? added : added.replaceAll('\n', lineEnds(text, isOld)(text.length));
};
