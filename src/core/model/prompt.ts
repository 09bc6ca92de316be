import { posix } from 'node:path';

/** The prompt shown before a command in the console. */
export function formatShellPrompt(root: string, cwd: string): string {
  const inside = posix.relative(root, cwd);
  const shown = inside === '' ? '~' : inside.startsWith('..') ? cwd : `~/${inside}`;
  return `corral:${shown}$ `;
}
