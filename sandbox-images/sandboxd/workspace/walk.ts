import { type BigIntStats, closeSync, constants, lstatSync, mkdirSync, opendirSync, openSync } from 'node:fs';

const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Uses a descriptor and follows no links, so that replacing a folder with a link cannot redirect access. */
export class WorkspaceFolder implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static workspace(root: string): WorkspaceFolder {
    return new WorkspaceFolder(openSync(root, O_RDONLY | O_DIRECTORY));
  }

  at = (name: string): string => `/proc/self/fd/${this.#fd}/${name}`;

  folder(name: string): WorkspaceFolder {
    return new WorkspaceFolder(openSync(this.at(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  }

  made(name: string): WorkspaceFolder {
    try {
      mkdirSync(this.at(name));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
    return this.folder(name);
  }

  file(name: string, flags: number): number {
    return openSync(this.at(name), flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o644);
  }

  stats(name = ''): BigIntStats | undefined {
    return lstatSync(this.at(name), { bigint: true, throwIfNoEntry: false });
  }

  *names(): Generator<string> {
    using listing = opendirSync(this.at(''), { encoding: 'buffer' as BufferEncoding });
    for (let entry = listing.readSync(); entry; entry = listing.readSync()) {
      const name = Buffer.from(entry.name);
      const text = name.toString();
      if (!Buffer.from(text).equals(name)) throw new UnusableWorkspaceError('a name is not text');
      yield text;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Thrown if only a program in the sandbox can handle the workspace. */
export class UnusableWorkspaceError extends Error {}

export interface WorkspaceEntry {
  readonly path: string;
  readonly name: string;
  readonly folder: WorkspaceFolder;
  readonly stats: BigIntStats;
}
interface Walk {
  readonly leavesOut: (path: string, name: string) => boolean;
  /** Maximum number of entries. Beyond it, external programs are faster, so the walk throws UnusableWorkspaceError. */
  readonly most: number;
}
/** Maximum time for a walk. Beyond it, the walk throws UnusableWorkspaceError. */
const patienceMs = 250;

/** Follows no links and enters no other file systems. Synchronous, which is faster for small workspaces. */
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
      if (!stats) continue;
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
