import type { Outputs } from '../../../client/types.ts';
import type { DiffLine } from '../../parts/diff.ts';

export type RepositoryStatus = Outputs['repositories']['status'];

/** Files that programs create and that do not belong in a commit. */
const leftovers = /(^|\/)(__pycache__|node_modules|\.DS_Store|\.pytest_cache|\.venv)(\/|$)|\.(pyc|log|swp)$/;
export const isGeneratedFile = (path: string): boolean => leftovers.test(path);

export interface FilePatch {
  readonly head: string;
  readonly hunks: readonly string[];
}
export function parseFilePatch(text: string): FilePatch {
  const [head = '', ...hunks] = text.split(/^(?=@@ )/m); // content lines begin with a space, + or -, never with @
  return { head, hunks };
}

export function parseHunk(hunk: string): DiffLine[] {
  const kinds = { '+': 'added', '-': 'removed', '@': 'skipped' } as const;
  const isAtStart = /^@@ -[01]\b/.test(hunk); // no line before it is hidden
  return hunk
    .split('\n')
    .slice(isAtStart ? 1 : 0)
    .filter((line) => line !== '' && !line.startsWith('\\'))
    .map((line) => ({
      kind: kinds[line[0] as keyof typeof kinds] ?? 'same',
      text: line[0] === '@' ? '…' : line.slice(1),
    }));
}
