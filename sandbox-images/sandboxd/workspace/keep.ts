import { closeSync, constants, fstatSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { ignoredFolders, runFileLimits, runFilesFolder } from '../../../src/core/model/run-files.ts';
import type { RunStart } from '../../../src/sandboxes/client/abilities.ts';
import { formatModificationTime, type WorkspaceEntry, WorkspaceFolder, walkWorkspace } from './walk.ts';

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;
const own = basename(runFilesFolder);
const { copyBytes, copiedBytes, copies } = runFileLimits;

export function saveRunFiles(root: string, { run, at }: RunStart, most: number): void {
  using workspace = WorkspaceFolder.workspace(root);
  using corral = workspace.made('.corral');
  if (keptRun(corral) === run) return;
  const fresh = `${own}.new`;
  rmSync(corral.at(fresh), { recursive: true, force: true });
  {
    using folder = corral.made(fresh);
    using files = folder.made('files');
    const lines: string[] = [];
    let [left, bytesLeft] = [copies, copiedBytes];
    for (const found of walkWorkspace(root, { leavesOut: (_, name) => ignoredFolders.includes(name), most })) {
      const { path, stats } = found;
      if (!stats.isFile()) continue;
      const size = Number(stats.size);
      lines.push(`./${path}\t${size}\t${formatModificationTime(stats)}`);
      if (size > copyBytes || left <= 0 || bytesLeft < size) continue;
      if (!copied(found, files)) continue;
      left--;
      bytesLeft -= size;
    }
    const list = lines.map((line) => Buffer.from(`${line}\0`)).sort(Buffer.compare);
    write(folder, 'list', Buffer.concat(list));
    write(folder, 'about', Buffer.from(`${run}\n${at}\n`));
  }
  rmSync(corral.at(own), { recursive: true, force: true });
  renameSync(corral.at(fresh), corral.at(own));
}

function keptRun(corral: WorkspaceFolder): string | undefined {
  try {
    using last = corral.folder(own);
    return read(last, 'about')?.toString().split('\n')[0];
  } catch {
    return undefined;
  }
}

function copied({ path, name, folder }: WorkspaceEntry, into: WorkspaceFolder): boolean {
  const content = read(folder, name);
  if (!content) return false;
  using stack = new DisposableStack();
  let parent = into;
  for (const part of path.split('/').slice(0, -1)) parent = stack.use(parent.made(part));
  write(parent, name, content);
  return true;
}

function read(folder: WorkspaceFolder, name: string): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = folder.file(name, O_RDONLY);
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > copyBytes) return undefined;
    const content = Buffer.allocUnsafe(stats.size);
    let length = 0;
    for (let got = -1; got !== 0 && length < content.length; length += got)
      got = readSync(fd, content, length, content.length - length, null);
    return content.subarray(0, length);
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function write(folder: WorkspaceFolder, name: string, content: Buffer): void {
  const fd = folder.file(name, O_WRONLY | O_CREAT | O_EXCL);
  try {
    for (let done = 0; done < content.length; ) done += writeSync(fd, content, done);
  } finally {
    closeSync(fd);
  }
}
