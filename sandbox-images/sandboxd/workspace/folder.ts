import { type BigIntStats, closeSync, constants, lstatSync, mkdirSync, opendirSync, openSync } from 'node:fs';

const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * An open folder of the workspace. Names are resolved in it and never through a link, so a program that swaps folders cannot lead
 * the daemon to other files, above all its own files in `/proc`.
 */
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
