import { structuredPatch } from 'diff';

/** A line of a diff with its numbers in both files; a `gap` stands for equal lines that are left out. */
export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed' | 'gap';
  readonly text: string;
  readonly before?: number;
  readonly after?: number;
}

/** Undefined: the texts differ in so much that a comparison would take too long. */
export function diffLines(before: string, after: string): readonly DiffLine[] | undefined {
  const patch = structuredPatch('', '', before, after, '', '', { context: 3, timeout: 2_000 });
  if (!patch) return undefined;
  const lines: DiffLine[] = [];
  for (const { oldStart, newStart, lines: told } of patch.hunks) {
    let [old, now] = [oldStart, newStart];
    if (old > 1 || lines.length > 0) lines.push({ kind: 'gap', text: '' });
    for (const line of told) {
      const text = line.slice(1);
      if (line.startsWith('+')) lines.push({ kind: 'added', text, after: now++ });
      else if (line.startsWith('-')) lines.push({ kind: 'removed', text, before: old++ });
      else if (line.startsWith(' ')) lines.push({ kind: 'same', text, before: old++, after: now++ });
    }
  }
  return lines;
}
