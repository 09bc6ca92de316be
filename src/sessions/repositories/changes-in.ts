import type { GitChange } from '../api/repositories.ts';

const kinds = { A: 'added', M: 'modified', T: 'modified', D: 'deleted', R: 'renamed', C: 'added' } as const;

export function parseGitChanges(text: string): GitChange[] {
  const parts = text.split('\0');
  const changes: GitChange[] = [];
  for (let at = 0; at + 1 < parts.length; ) {
    const letter = (parts[at] ?? '').charAt(0) as keyof typeof kinds;
    const change = kinds[letter];
    if (change === undefined) break;
    const isPair = letter === 'R' || letter === 'C';
    const [first = '', second = ''] = parts.slice(at + 1);
    changes.push(
      isPair ? { path: second, change, from: letter === 'R' ? first : null } : { path: first, change, from: null },
    );
    at += isPair ? 3 : 2;
  }
  return changes;
}
