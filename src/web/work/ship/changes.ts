import type { Outputs } from '../../../client/types.ts';
import type { DiffLine } from '../../parts/diff.ts';

export type Status = Outputs['repositories']['status'];

// The changes that git lists, as the page shows them.

/** Files that programs leave behind and nobody wants in a commit. */
const leftovers = /(^|\/)(__pycache__|node_modules|\.DS_Store|\.pytest_cache|\.venv)(\/|$)|\.(pyc|log|swp)$/;
export const isLeftover = (path: string): boolean => leftovers.test(path);

/** Git's difference of one file: its header, and each change as git wrote it. */
export interface FilePatch {
  readonly head: string;
  readonly hunks: readonly string[];
}
export function splitPatch(text: string): FilePatch {
  const [head = '', ...hunks] = text.split(/^(?=@@ )/m); // lines of a file never begin with @, but with a sign
  return { head, hunks };
}

/** The lines of a change. */
export function linesOfHunk(hunk: string): DiffLine[] {
  const kinds = { '+': 'added', '-': 'removed', '@': 'skipped' } as const;
  return hunk
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('\\'))
    .map((line) => ({
      kind: kinds[line[0] as keyof typeof kinds] ?? 'same',
      text: line[0] === '@' ? '…' : line.slice(1),
    }));
}
