import type { BigIntStats } from 'node:fs';
import { UnusableWorkspaceError, WorkspaceFolder } from './folder.ts';

export interface WorkspaceEntry {
  /** Relative to the workspace. */
  readonly path: string;
  readonly name: string;
  readonly folder: WorkspaceFolder;
  readonly stats: BigIntStats;
}
interface Walk {
  readonly leavesOut: (path: string, name: string) => boolean;
  /**
   * Maximum entries. With more, throws UnusableWorkspaceError: external programs are faster for larger workspaces and do not
   * block the daemon.
   */
  readonly most: number;
}
/** Time limit: a workspace on a slow disk is left to external programs. */
const patienceMs = 250;

/**
 * Everything in the workspace that `leavesOut` does not match, folders before their content. Follows no links and enters no other
 * file systems. Reads on the event loop, which costs less than a thread for a small workspace.
 */
export function* walkWorkspace(root: string, { leavesOut, most }: Walk): Generator<WorkspaceEntry> {
  let left = most;
  const until = performance.now() + patienceMs;
  function* below(folder: WorkspaceFolder, inside: string, device: bigint): Generator<WorkspaceEntry> {
    for (const name of folder.names()) {
      const path = `${inside}${name}`;
      if (leavesOut(path, name)) continue;
      if (left-- === 0) throw new UnusableWorkspaceError('many files');
      if (performance.now() > until) throw new UnusableWorkspaceError('a slow disk');
      const stats = folder.stats(name);
      if (!stats) continue; // removed in the meantime
      yield { path, name, folder, stats };
      if (!stats.isDirectory() || stats.dev !== device) continue;
      const inner = opened(folder, name);
      if (!inner) continue;
      using _ = inner;
      yield* below(inner, `${path}/`, device);
    }
  }
  using workspace = WorkspaceFolder.workspace(root);
  yield* below(workspace, '', workspace.stats()?.dev ?? 0n);
}

/** Undefined: the entry was removed or replaced, or its owner denies access. */
function opened(folder: WorkspaceFolder, name: string): WorkspaceFolder | undefined {
  try {
    return folder.folder(name);
  } catch (thrown) {
    const { code = '' } = thrown as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(code)) return undefined;
    throw thrown;
  }
}

const billion = 1_000_000_000n;
/** In the format of `find -printf %T@`. */
export const formatModificationTime = ({ mtimeNs }: BigIntStats): string =>
  `${mtimeNs / billion}.${String(mtimeNs % billion).padStart(9, '0')}0`;
