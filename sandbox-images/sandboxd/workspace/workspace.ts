import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { maxShownOutputBytes, outputFolder, runFilesFolder } from '../../../src/core/model/run-files.ts';
import type { WorkspaceFingerprint } from '../../../src/sandboxes/client/abilities.ts';
import type { Daemon } from '../daemon.ts';
import { saveRunFiles } from './keep.ts';
import { formatModificationTime, UnusableWorkspaceError, type WorkspaceEntry, walkWorkspace } from './walk.ts';

/** Ignores run files, sockets, small output files and the folders' modification times. */
function printOf(root: string, most: number): WorkspaceFingerprint {
  const hash = createHash('sha256');
  let bytes = 0;
  const leavesOut = (path: string) => path === runFilesFolder || path === `${runFilesFolder}.new`;
  for (const found of walkWorkspace(root, { leavesOut, most })) {
    const { path, stats } = found;
    if (stats.isSocket() || isShownOutput(found)) continue;
    hash.update(`${lineOf(found)} ${path}\0`);
    if (stats.isFile()) bytes += Number(stats.size);
  }
  return { print: hash.digest('hex'), bytes };
}

const isShownOutput = ({ path, stats }: WorkspaceEntry) =>
  path.startsWith(`${outputFolder}/`) && stats.isFile() && stats.size <= maxShownOutputBytes;

function lineOf({ stats, folder, name }: WorkspaceEntry): string {
  if (stats.isDirectory()) return `d ${stats.mode}`;
  if (stats.isSymbolicLink()) return `l ${readlinkSync(folder.at(name), 'buffer').toString('hex')}`;
  return `${stats.isFile() ? 'f' : 'o'} ${stats.size} ${stats.mode} ${formatModificationTime(stats)}`;
}

/** Maximum number of entries. Larger workspaces are left to external programs. */
const most = 2_000;

export function createWorkspaceOperations(root: string): Pick<Daemon, 'keepForRun' | 'printWorkspace'> {
  return {
    async keepForRun(mark) {
      const done = unlessUnfit(() => {
        saveRunFiles(root, mark, most);
        return true;
      });
      return { done: done ?? false };
    },
    printWorkspace: async () => unlessUnfit(() => printOf(root, most)) ?? {},
  };
}

/** Undefined if the workspace is unsuitable or a system call fails. */
function unlessUnfit<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof UnusableWorkspaceError || (thrown as NodeJS.ErrnoException).syscall !== undefined)
      return undefined;
    throw thrown;
  }
}
