import { realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { isFolderUrl } from '../../core/model/repository.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { runProgram } from '../services/streams/piped-command.ts';
import { findGitFolder, type GitFolder, streamBareRepository } from './bare-copy.ts';

interface Deps {
  /** A repository must be one of these folders or below one. */
  readonly folders: readonly string[];
  readonly newId: () => string;
}
type Sandbox = Pick<SandboxClient, 'programs'>;

const unpackScript =
  'rm -rf -- "$1" && mkdir -p -- "$1" && exec tar --extract --no-same-owner --file=- --directory="$1"';
const copyMs = 30 * 60_000;
const setting = 'repositories.folders (CORRAL_REPOSITORIES_FOLDERS)';

/** Repositories in folders on the server. A sandbox never sees the folder itself; it gets a copy of the committed content. */
export class RepositoryFolders {
  readonly #folders: readonly string[];
  readonly #newId: () => string;

  constructor({ folders, newId }: Deps) {
    this.#folders = folders.map((folder) => resolve(folder));
    this.#newId = newId;
  }

  /** Throws: forbidden for a folder that the operator did not list. Accepts every URL that is not a folder. */
  check(url: string): void {
    if (isFolderUrl(url)) this.#listed(url);
  }

  /** Rejects: forbidden, not_found, unsupported, conflict. */
  async copy(client: Sandbox, { url, to }: { readonly url: string; readonly to: string }, signal: AbortSignal) {
    const folder = await this.#find(url);
    const until = AbortSignal.any([signal, AbortSignal.timeout(copyMs)]);
    const argv = ['bash', '-c', unpackScript, 'bash', to];
    const failure = (printed: string) => `${url} could not be copied into the sandbox: ${printed}`;
    const program = { id: `folder-${this.#newId()}`, argv, input: streamBareRepository(folder, until), failure };
    await runProgram(client, program, until);
  }

  #listed(url: string): string {
    const path = pathOfUrl(url);
    const found = this.#folders.find((folder) => isWithin(path, folder));
    if (found !== undefined) return found;
    const text = `Sessions cannot use ${url}: its folder is not listed in ${setting}. Add it there and restart the server.`;
    throw new AppError('forbidden', text);
  }

  async #find(url: string): Promise<GitFolder> {
    const listed = this.#listed(url);
    try {
      const [root, real] = await Promise.all([realpath(listed), realpath(pathOfUrl(url))]);
      if (isWithin(real, root)) return await findGitFolder(real, url);
    } catch (thrown) {
      if (thrown instanceof AppError) throw thrown;
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        throw new AppError('not_found', `There is no folder ${url} on the server.`);
      }
      const text = `${url} cannot be read: the server's user has no right to it.`;
      throw new AppError('conflict', text, { cause: toAppError(thrown) });
    }
    const text = `${url} is a link that leads out of the folders of ${setting}, so it is not followed.`;
    throw new AppError('forbidden', text);
  }
}

const pathOfUrl = (url: string) => new URL(url).pathname;
const isWithin = (path: string, folder: string) =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
