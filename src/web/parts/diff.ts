const around = 3;
const maxCells = 1_000_000;

export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed' | 'skipped';
  readonly text: string;
}

export function diffLines(before: string | null, after: string): DiffLine[] {
  if (before === null) return linesOf(after).map((text) => ({ kind: 'added' as const, text }));
  const old = linesOf(before);
  const now = linesOf(after);
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const changed = middle(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  const same = (text: string): DiffLine => ({ kind: 'same', text });
  return shortened([...old.slice(0, head).map(same), ...changed, ...old.slice(old.length - tail).map(same)]);
}

function linesOf(text: string): string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

/** Marks all lines as replaced if the longest common subsequence costs too much. */
function middle(old: readonly string[], now: readonly string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: 'removed', text });
  const added = (text: string): DiffLine => ({ kind: 'added', text });
  if (old.length * now.length > maxCells) return [...old.map(removed), ...now.map(added)];
  const width = now.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      common[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const out: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      out.push({ kind: 'same', text: old[i++] ?? '' });
      j++;
    } else if (j >= now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) {
      out.push(removed(old[i++] ?? ''));
    } else out.push(added(now[j++] ?? ''));
  }
  return out;
}

function shortened(lines: readonly DiffLine[]): DiffLine[] {
  const near = (n: number) => lines.slice(Math.max(0, n - around), n + around + 1).some(({ kind }) => kind !== 'same');
  const out: DiffLine[] = [];
  for (const [n, line] of lines.entries()) {
    if (line.kind !== 'same' || near(n)) out.push(line);
    else if (out.at(-1)?.kind !== 'skipped') out.push({ kind: 'skipped', text: '…' });
  }
  return out;
}
