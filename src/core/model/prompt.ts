import { posix } from 'node:path';

export function formatShellPrompt(root: string, cwd: string): string {
  const inside = posix.relative(root, cwd);
  const shown = inside === '' ? '~' : inside.startsWith('..') ? cwd : `~/${inside}`;
  return `corral:${shown}$ `;
}
