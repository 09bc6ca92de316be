import type { Outputs } from '../../../client/types.ts';
import type { DiffLine } from '../../parts/diff.ts';

export type Status = Outputs['repositories']['status'];

// The changes that git lists, as the page shows them.

/** Files that programs leave behind and nobody wants in a commit. */
const leftovers = /(^|\/)(__pycache__|node_modules|\.DS_Store|\.pytest_cache|\.venv)(\/|$)|\.(pyc|log|swp)$/;
export const isLeftover = (path: string): boolean => leftovers.test(path);

/** The lines of git's difference of one file, without its header. */
export function linesOfPatch(text: string): DiffLine[] {
  const from = text.indexOf('\n@@');
  const lines = from < 0 ? [] : text.slice(from + 1).split('\n');
  const kinds = { '+': 'added', '-': 'removed', '@': 'skipped' } as const;
  return lines
    .filter((line) => line !== '' && !line.startsWith('\\'))
    .map((line) => ({
      kind: kinds[line[0] as keyof typeof kinds] ?? 'same',
      text: line[0] === '@' ? '…' : line.slice(1),
    }));
}
