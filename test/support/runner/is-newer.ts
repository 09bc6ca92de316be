import { existsSync, globSync, statSync } from 'node:fs';

/**
 * Whether a built file exists and is newer than all files of these patterns, which are relative to the working
 * directory.
 */
export function isNewer(built: string, sources: readonly string[]): boolean {
  if (!existsSync(built)) return false;
  const { mtimeMs } = statSync(built);
  const all = globSync([...sources], { exclude: (path) => path.includes('node_modules') });
  return all.every((file) => statSync(file).mtimeMs < mtimeMs);
}
