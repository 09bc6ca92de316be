// Edits of a text whose line ends can be of Windows, of old Macs, or mixed. Editors, models and patches write \n.

/** Where a lone \r ends a line: only in a text without any \n. */
const hasOldEnds = (text: string) => text.includes('\r') && !text.includes('\n');
const unix = (text: string, isOld: boolean) => text.replace(isOld ? /\r\n?/g : /\r\n/g, '\n');

export interface Replaced {
  readonly text: string;
  readonly times: number;
}

/**
 * Replaces every occurrence. A \n of the old piece matches any line end, and the new piece gets the line ends of its
 * surroundings. A beginning or end that both pieces share stays as it is in the text.
 */
export function replacePieces(text: string, old: string, now: string): Replaced {
  const isOld = hasOldEnds(text);
  const plain = unix(text, isOld);
  const form = formIn(plain, unix(old, isOld));
  const [sought, target] = [form(unix(old, isOld)), form(unix(now, isOld))];
  // The edit changes line ends alone, so they are taken as they are.
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

/** Models compose accented letters, while the text may have them decomposed, or the other way round. */
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

/** Positions in the text by those in the text with \n alone. Each call is for a later position than the one before. */
function rawPositions(text: string, isOld: boolean): (plain: number) => number {
  if (isOld || !text.includes('\r\n')) return (plain) => plain;
  let before = 0; // line ends of two units before the position
  let next = text.indexOf('\r\n');
  return (plain) => {
    while (next >= 0 && next - before < plain) {
      before++;
      next = text.indexOf('\r\n', next + 2);
    }
    return plain + before;
  };
}

/** The line end at or after a position, or the last one. Each call is for a later position than the one before. */
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

/** Text to append, with the line ends of the text before it. */
export const matchLineEnds = (text: string, added: string): string => {
  const isOld = hasOldEnds(text);
  return added.includes('\r') ? added : added.replaceAll('\n', lineEnds(text, isOld)(text.length));
};
