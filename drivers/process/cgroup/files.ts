import { constants } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { kill, markOf } from '../proc.ts';

/** The kernel's control groups as files. A port, so that a test can play a kernel with other rights or versions. */
export interface GroupFiles {
  /** A group that exists already is fine. */
  make(path: string): Promise<void>;
  write(path: string, text: string): Promise<void>;
  /** Undefined: there is no such file, or it cannot be read. */
  read(path: string): Promise<string | undefined>;
  /** The groups inside a group. */
  children(path: string): Promise<string[]>;
  /** False: processes or other groups are still in it. A group that is gone already counts as removed. */
  remove(path: string): Promise<boolean>;
  /** Whether a new process can enter all of these groups, each named by its `cgroup.procs`. */
  canEnter(procs: readonly string[]): Promise<boolean>;
  /** Sends SIGKILL to those of the pids that `isStillThere` names again after each was looked at. */
  kill(pids: readonly number[], isStillThere: () => Promise<readonly number[]>): Promise<void>;
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

export const kernelFiles = (canEnter: GroupFiles['canEnter']): GroupFiles => ({
  canEnter,
  make: async (path) => {
    await mkdir(path, { mode: 0o755 }).catch((error) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  },
  write: (path, text) => writeFile(path, text, { flag: constants.O_WRONLY }), // a file that is missing is an error
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
    const marks = (await Promise.all(pids.map(markOf))).filter((mark) => mark !== undefined);
    // A number that was used again between the two looks names a process outside of the group.
    const there = new Set(await isStillThere());
    await Promise.all(marks.filter(({ pid }) => there.has(pid)).map((mark) => kill(mark, 'process')));
  },
});
