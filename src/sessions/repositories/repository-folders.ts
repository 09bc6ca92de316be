import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { combineSignals, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { waitForNextLoopTurn } from '../../core/contracts/clock.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { isFolderUrl } from '../../core/model/repository.ts';
import { createTarHeaders, createTarPadding, tarEnd } from '../../core/text/tar.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { runProgram } from '../services/streams/piped-command.ts';

interface Deps {
  readonly folders: readonly string[];
  readonly newId: () => string;
}
type Sandbox = Pick<SandboxClient, 'programs'>;

const unpackScript =
  'rm -rf -- "$1" && mkdir -p -- "$1" && exec tar --extract --no-same-owner --file=- --directory="$1"';
const copyMs = 30 * 60_000;
const setting = 'repositories.folders (CORRAL_REPOSITORIES_FOLDERS)';

/** A sandbox gets a copy of a listed folder's committed content, never the folder itself. */
export class RepositoryFolders extends ServerComponent<Deps> {
  readonly #folders = this.deps.folders.map((folder) => resolve(folder));

  /** Throws: forbidden for a folder that the operator did not list. */
  check(url: string): void {
    if (isFolderUrl(url)) this.#listed(url);
  }

  /** Rejects: forbidden, not_found, unsupported, conflict. */
  async copy(client: Sandbox, { url, to }: { readonly url: string; readonly to: string }, signal: AbortSignal) {
    const folder = await this.#find(url);
    const until = combineSignals([signal, AbortSignal.timeout(copyMs)]);
    const argv = ['bash', '-c', unpackScript, 'bash', to];
    const failure = (printed: string) => `${url} could not be copied into the sandbox: ${printed}`;
    const program = { id: `folder-${this.deps.newId()}`, argv, input: streamBareRepository(folder, until), failure };
    await runProgram(client, program, until);
  }

  #listed(url: string): string {
    const path = pathOfUrl(url);
    const found = this.#folders.find((folder) => isWithin(path, folder));
    if (found !== undefined) return found;
    const text = `Sessions cannot use ${url}: its folder is not listed in ${setting}. Check the address, or add the folder there and restart the server.`;
    throw new AppError('invalid_request', text);
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
      const text = `${url} cannot be read: the server's user has no permission to read it.`;
      throw new AppError('conflict', text, { cause: toAppError(thrown) });
    }
    const text = `${url} is a link that leads out of the folders of ${setting}, so it is not followed.`;
    throw new AppError('forbidden', text);
  }
}

const pathOfUrl = (url: string) => new URL(url).pathname;
const isWithin = (path: string, folder: string) =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);

// Reads repositories without git. The folder is untrusted: no setting is copied and no link is followed.

/** Links in the path are resolved. */
interface GitFolder {
  /** Contains `objects` and `HEAD`. */
  readonly path: string;
  readonly url: string;
}

const object = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
const packFile = /^pack-[0-9a-f]{40}([0-9a-f]{24})?\.(pack|idx)$/;
const refName = /^refs\/(heads|tags)\/[^\0- \x7f~^:?*[\\]+$/;
const wrongName = /\.\.|\/\/|\/\.|\.lock(\/|$)|[/.]$|@\{/;
const isRef = (name: string) => name.length <= 1_000 && refName.test(name) && !wrongName.test(name);
const maxRefs = 100_000;
const refsAtOnce = 2_000;
const maxDepth = 20;
/** Maximum file sizes in bytes. */
const maxText = { config: 2 ** 20, 'packed-refs': 32 * 2 ** 20, shallow: 2 ** 20, ref: 4_096 } as const;
const pieceBytes = 256 * 1024;

/** Rejects: not_found, unsupported. */
export async function findGitFolder(folder: string, url: string): Promise<GitFolder> {
  const inner = join(folder, '.git');
  const found = await unlessMissing(lstat(inner));
  if (found && !found.isDirectory()) {
    const text = `${url} has a .git that is not a folder, as in linked worktrees and submodules. Use the repository that it belongs to.`;
    throw new AppError('unsupported', text);
  }
  const path = found ? inner : folder;
  const parts = await Promise.all(['HEAD', 'objects'].map((name) => unlessMissing(lstat(join(path, name)))));
  if (!parts[0]?.isFile() || !parts[1]?.isDirectory()) {
    throw new AppError('not_found', `${url} is not a git repository: it has no HEAD and no objects folder.`);
  }
  return { path, url };
}

/** Streams a tar with Corral's settings. Rejects: conflict (links, or a changing or unreadable folder), unsupported. */
export async function* streamBareRepository(folder: GitFolder, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const config = await readSettings(folder);
  const head = await readHead(folder);
  const refs = [...(await readRefs(folder, signal))].map(([name, value]) => `${value} ${name}\n`);
  const shallow = (await readText(folder, 'shallow', maxText.shallow)) ?? '';
  const commits = shallow.split('\n').filter((line) => object.test(line));
  const texts: Readonly<Record<string, string>> = {
    config,
    HEAD: head,
    'packed-refs': refs.join(''),
    'refs/heads/.keep': '', // without refs/, git does not recognize the repository
    ...(commits.length > 0 && { shallow: `${commits.join('\n')}\n` }),
  };
  const pieces = new Pieces();
  for (const [name, text] of Object.entries(texts)) {
    const bytes = Buffer.from(text);
    yield* pieces.add(...createTarHeaders(name, bytes.length, 0o644), bytes, createTarPadding(bytes.length));
  }
  for await (const name of objectFiles(folder)) {
    throwIfAborted(signal);
    await using file = await openInside(folder, name);
    yield* pieces.add(...createTarHeaders(name, file.size, 0o444));
    for (let at = 0; at < file.size; ) {
      const bytes = Buffer.allocUnsafe(Math.min(pieceBytes, file.size - at));
      const { bytesRead } = await file.handle.read(bytes, 0, bytes.length, at);
      if (bytesRead === 0) throw changed(folder);
      yield* pieces.add(bytes.subarray(0, bytesRead));
      at += bytesRead;
    }
    yield* pieces.add(createTarPadding(file.size));
  }
  yield* pieces.add(tarEnd);
  yield* pieces.rest();
}

/** Small files are combined, because each chunk costs an iteration of the stream. */
class Pieces {
  #held: Uint8Array[] = [];
  #size = 0;

  *add(...all: readonly Uint8Array[]): Generator<Uint8Array> {
    for (const bytes of all) {
      if (bytes.length === 0) continue;
      this.#held.push(bytes);
      this.#size += bytes.length;
    }
    if (this.#size >= pieceBytes) yield* this.rest();
  }
  *rest(): Generator<Uint8Array> {
    if (this.#size > 0) yield Buffer.concat(this.#held, this.#size);
    this.#held = [];
    this.#size = 0;
  }
}

async function readSettings(folder: GitFolder): Promise<string> {
  const text = (await readText(folder, 'config', maxText.config)) ?? '';
  const settings = text.split('\n').map((line) =>
    line
      .replace(/^\s*\[[^\]]*\]/, '')
      .replaceAll(/[\s"]/g, '')
      .toLowerCase(),
  );
  const has = (name: string, value: string) => settings.some((line) => line.startsWith(`${name}=${value}`));
  const refuse = (why: string) => new AppError('unsupported', `${folder.url} ${why}`);
  if (has('refstorage', 'reftable'))
    throw refuse('keeps its branches as a reftable, which Corral does not read. Clone it, and name the clone.');
  if (has('partialclone', ''))
    throw refuse('is a partial clone, so some of its objects are elsewhere. Fetch all of them first.');
  if (await unlessMissing(lstat(join(folder.path, 'objects/info/alternates'))))
    throw refuse(
      'borrows objects of another folder (objects/info/alternates). Run git repack -a -d and remove that file.',
    );
  const isSha256 = has('objectformat', 'sha256');
  const core = `[core]\n\trepositoryformatversion = ${isSha256 ? 1 : 0}\n\tbare = true\n`;
  return isSha256 ? `${core}[extensions]\n\tobjectformat = sha256\n` : core;
}

async function readHead(folder: GitFolder): Promise<string> {
  const head = ((await readText(folder, 'HEAD', maxText.ref)) ?? '').trim();
  const [, name = ''] = /^ref: (.*)$/.exec(head) ?? [];
  if (object.test(head) || isRef(name)) return `${head}\n`;
  throw new AppError('unsupported', `${folder.url} has a HEAD that refers to no branch or commit.`);
}

async function readRefs(folder: GitFolder, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const refs = new Map<string, string>();
  const packed = (await readText(folder, 'packed-refs', maxText['packed-refs'])) ?? '';
  for (const [n, line] of packed.split('\n').entries()) {
    if (n % refsAtOnce === 0) await waitForNextLoopTurn();
    throwIfAborted(signal);
    const [value = '', name = ''] = line.split(' ', 2);
    if (object.test(value) && isRef(name)) refs.set(name, value);
    if (refs.size > maxRefs) throw tooManyRefs(folder);
  }
  const visit = async (under: string, depth: number): Promise<void> => {
    throwIfAborted(signal);
    for (const entry of await namesIn(folder, under)) {
      const name = `${under}/${entry.name}`;
      if (refs.size > maxRefs) throw tooManyRefs(folder);
      if (entry.isDirectory() && depth < maxDepth) await visit(name, depth + 1);
      if (!entry.isFile() || !isRef(name)) continue;
      const value = ((await readText(folder, name, maxText.ref)) ?? '').trim();
      if (object.test(value)) refs.set(name, value);
    }
  };
  for (const kind of ['heads', 'tags']) await visit(`refs/${kind}`, 0);
  return refs;
}

const tooManyRefs = ({ url }: GitFolder) =>
  new AppError(
    'unsupported',
    `${url} has more than ${maxRefs} branches and tags. Remove some, or serve it over HTTPS.`,
  );

async function* objectFiles(folder: GitFolder): AsyncGenerator<string> {
  const groups = (await namesIn(folder, 'objects')).filter((one) => one.isDirectory()).map(({ name }) => name);
  for (const group of groups.filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    for (const { name } of await namesIn(folder, `objects/${group}`))
      if (object.test(`${group}${name}`)) yield `objects/${group}/${name}`;
  }
  // Last, because a repack writes the new pack before it removes loose objects.
  for (const { name } of await namesIn(folder, 'objects/pack')) if (packFile.test(name)) yield `objects/pack/${name}`;
}

/** Rejects: conflict if the subfolder is a link. */
async function namesIn(folder: GitFolder, name: string) {
  const path = join(folder.path, name);
  const real = await unlessMissing(realpath(path));
  if (real === undefined) return [];
  if (real !== path) throw linked(folder, name);
  return (await unlessMissing(readdir(path, { withFileTypes: true }))) ?? [];
}

async function readText(folder: GitFolder, name: string, most: number): Promise<string | undefined> {
  if ((await unlessMissing(lstat(join(folder.path, name)))) === undefined) return undefined;
  await using file = await openInside(folder, name);
  if (file.size > most) throw new AppError('unsupported', `${folder.url} has a ${name} of ${file.size} bytes.`);
  const bytes = Buffer.alloc(file.size); // reads no more than the checked size, even if the file grows
  const { bytesRead } = await file.handle.read(bytes, 0, file.size, 0);
  return bytes.toString('utf8', 0, bytesRead);
}

interface OpenedFile extends AsyncDisposable {
  readonly handle: FileHandle;
  readonly size: number;
}

/** Opens the file before checking its path for links, because an open file cannot be replaced. */
async function openInside(folder: GitFolder, name: string): Promise<OpenedFile> {
  const path = join(folder.path, name);
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ELOOP' || thrown.code === 'ENXIO') throw linked(folder, name);
      throw problemOf(thrown, folder);
    },
  );
  try {
    const opened = await handle.stat();
    const [real, there] = await Promise.all([realpath(path), lstat(path)]).catch((thrown: NodeJS.ErrnoException) => {
      throw problemOf(thrown, folder);
    });
    if (real !== path || !opened.isFile()) throw linked(folder, name);
    if (!isSame(opened, there)) throw changed(folder);
    return { handle, size: opened.size, [Symbol.asyncDispose]: () => handle.close() };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

const isSame = (a: Stats, b: Stats) => a.ino === b.ino && a.dev === b.dev;
const changed = ({ url }: GitFolder) => new AppError('conflict', `${url} changed while it was read. Fetch it again.`);
const linked = ({ url }: GitFolder, name: string) =>
  new AppError('conflict', `${url} cannot be read: its ${name} is a link or not a file. Links are not followed.`);

function problemOf(thrown: NodeJS.ErrnoException, folder: GitFolder): AppError {
  if (thrown.code === 'ENOENT') return changed(folder);
  const text = `${folder.url} cannot be read: the server's user has no permission to read its files.`;
  return new AppError('conflict', text, { cause: thrown });
}

async function unlessMissing<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw thrown;
  }
}
