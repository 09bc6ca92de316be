import { constants, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { killProcess, readProcessIdentity } from '../proc.ts';

export interface CgroupFiles {
  /** Does nothing if the group already exists. */
  make(path: string): Promise<void>;
  write(path: string, text: string): Promise<void>;
  /** Writes synchronously, because libuv's thread-pool threads may be busy syncing the store. */
  writeNow(path: string, text: string): void;
  read(path: string): Promise<string | undefined>;
  children(path: string): Promise<string[]>;
  /** False if the group still exists, for example because it contains processes. */
  remove(path: string): Promise<boolean>;
  canEnter(procs: readonly string[]): Promise<boolean>;
  /** Identifies the pids' processes, then sends SIGKILL to those that `isStillThere` still lists. */
  kill(pids: readonly number[], isStillThere: () => Promise<readonly number[]>): Promise<void>;
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

export const createKernelCgroupFiles = (canEnter: CgroupFiles['canEnter']): CgroupFiles => ({
  canEnter,
  make: async (path) => {
    await mkdir(path, { mode: 0o755 }).catch((error) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  },
  // No O_CREAT, so that a missing file is an error.
  write: (path, text) => writeFile(path, text, { flag: constants.O_WRONLY }),
  writeNow: (path, text) => writeFileSync(path, text, { flag: 'r+' }),
  read: (path) => readFile(path, 'latin1').catch(() => undefined),
  async children(path) {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  },
  remove: (path) =>
    rmdir(path).then(
      () => true,
      (error) => codeOf(error) === 'ENOENT',
    ),
  async kill(pids, isStillThere) {
    const marks = (await Promise.all(pids.map(readProcessIdentity))).filter((mark) => mark !== undefined);
    // A pid reused before its identification could belong to a process outside the group.
    const there = new Set(await isStillThere());
    await Promise.all(marks.filter(({ pid }) => there.has(pid)).map((mark) => killProcess(mark, 'process')));
  },
});
