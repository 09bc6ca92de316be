import type { Outputs } from '../../../client/types.ts';

export type FolderEntry = Outputs['files']['list']['items'][number];
export type EntriesByFolder = ReadonlyMap<string, readonly FolderEntry[]>;

export interface FileTreeRow {
  /** Relative to the workspace. */
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  readonly type: 'file' | 'directory';
  readonly size: number | null;
  readonly isOpen: boolean;
  /** Position among the siblings, counted from 1. */
  readonly place: number;
  readonly siblings: number;
}

export const rootPath = '.';

export const toChildPath = (folder: string, name: string): string => (folder === rootPath ? name : `${folder}/${name}`);

export const parentPathOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/'))) || rootPath;

/** Logs of background processes come last. */
export function listTreeRows(folders: EntriesByFolder, open: ReadonlySet<string>): FileTreeRow[] {
  const rows: FileTreeRow[] = [];
  const add = (folder: string, depth: number) => {
    const entries = [...(folders.get(folder) ?? [])].sort((a, b) => Number(isLogs(a.name)) - Number(isLogs(b.name)));
    entries.forEach(({ name, type, size }, at) => {
      const path = toChildPath(folder, name);
      const isOpen = type === 'directory' && open.has(path);
      rows.push({ path, name, depth, type, size, isOpen, place: at + 1, siblings: entries.length });
      if (isOpen) add(path, depth + 1);
    });
  };
  add(rootPath, 0);
  return rows;
}

const isLogs = (name: string) => name === '.agent_logs';

export function findRowAfterKeyPress(
  rows: readonly FileTreeRow[],
  from: string | undefined,
  key: string,
): FileTreeRow | undefined {
  const at = rows.findIndex(({ path }) => path === from);
  const row = rows[at];
  switch (key) {
    case 'ArrowDown':
      return rows[Math.min(at + 1, rows.length - 1)];
    case 'ArrowUp':
      return rows[Math.max(at - 1, 0)];
    case 'Home':
      return rows[0];
    case 'End':
      return rows.at(-1);
    case 'ArrowLeft':
      return row && !row.isOpen ? rows.find(({ path }) => path === parentPathOf(row.path)) : undefined;
    default:
      return undefined;
  }
}
