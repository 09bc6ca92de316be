import { createHash } from 'node:crypto';
import { z } from 'zod';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreFileNotFound } from '../../core/errors/errors.ts';
import { preparedFilesKind as kind } from '../../core/model/records.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { changeRecord } from '../../storage/collection.ts';
import type { BlobReference, CopyStore } from '../forks/copies.ts';
import type { WorkspaceArchiver } from '../forks/workspace-archive.ts';
import { createCopyFailureFormatter, runProgram } from '../services/streams/piped-command.ts';
import { gitExitCodes, runGit, summarizeGitOutput } from './git.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'newId' | 'records'> {
  /** Maximum number of copies per owner. The least recently used are removed. 0: off. */
  readonly keep: number;
  readonly maxBytes: number;
  readonly copies: Pick<CopyStore, 'add' | 'open' | 'release'>;
  readonly archive: Pick<WorkspaceArchiver, 'pack' | 'unpack'>;
}
/** Files are shared only if all fields match, never between owners. */
export interface PreparedFilesKey {
  readonly owner: string;
  readonly facts: readonly unknown[];
}
type Sandbox = Pick<SandboxClient, 'programs' | 'workdir'>;
type SandboxWithGit = Sandbox & Pick<SandboxClient, 'exec'>;
interface StoredSize {
  readonly bytes: number;
}

const Stored = z.object({ blob: z.string(), bytes: z.int(), usedAt: z.number() });
const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
const prefixOf = ({ owner }: PreparedFilesKey) => `${hashOf(owner).slice(0, 24)}:`;
export const preparedFilesIdOf = (key: PreparedFilesKey): string => `${prefixOf(key)}${hashOf(key.facts)}`;
/** Folder for files that are unpacked before their repository is fetched. */
const readyFolder = '.corral/prepared';
const folderOf = (id: string) => `${readyFolder}/${id.replace(':', '-')}`;
const packMs = 10 * 60_000;
const files = 'The prepared files';
const moveMs = 60_000;

// Moves whole folders where possible, because there can be many files.
const moveScript = `
from="$workdir/$folder" to="$workdir/$path"
[ -d "$from" ] && [ ! -L "$from" ] || exit ${gitExitCodes.nothing}
shopt -s dotglob nullglob
isFolder() { [ -d "$1" ] && [ ! -L "$1" ]; }
move() {
  local one name whole=()
  for one in "$1"/*; do
    name=\${one##*/}
    if isFolder "$one" && isFolder "$2/$name"; then move "$one" "$2/$name" || return 1; else whole+=("$one"); fi
  done
  [ "\${#whole[@]}" = 0 ] || printf '%s\\0' "\${whole[@]}" | xargs -0 mv -f -t "$2" --
}
move "$from" "$to" && rm -rf -- "$from" && { rmdir -- "\${from%/*}" 2>/dev/null || true; }
`;

/** Stores files created by a repository's `setup.sh`. Each session gets its own copies. */
export class PreparedFileStore extends ServerComponent<Deps> {
  readonly #inTurn = createKeyedQueue();

  get isOn(): boolean {
    return this.deps.keep > 0;
  }

  /** Undefined if no files are stored. After a rejection, the files may be incomplete. */
  async restore(
    client: SandboxWithGit,
    path: string,
    key: PreparedFilesKey,
    signal: AbortSignal,
  ): Promise<StoredSize | undefined> {
    const { records, clock } = this.deps;
    const found = this.isOn ? await records.get(kind, preparedFilesIdOf(key)) : undefined;
    if (!found) return undefined;
    const doc = Stored.parse(found.doc);
    const isThere =
      (await this.#move(client, path, preparedFilesIdOf(key), signal)) ||
      (await this.#extract(client, path, doc.blob, signal));
    if (!isThere) return undefined;
    const usedAt = clock.now();
    await changeRecord(records, { kind, id: preparedFilesIdOf(key) }, (now) =>
      now ? { doc: { ...Stored.parse(now.doc), usedAt }, sort: usedAt } : undefined,
    );
    return { bytes: doc.bytes };
  }

  /** Call before the repository is fetched. False if the files no longer exist. */
  async unpack(client: Sandbox, id: string, signal: AbortSignal): Promise<boolean> {
    const found = await this.deps.records.get(kind, id);
    if (!found) return false;
    const argv = ['mkdir', '-p', '--', `${client.workdir}/${folderOf(id)}`];
    await runProgram(client, { id: `folder-${this.deps.newId()}`, argv }, signal);
    return await this.#extract(client, folderOf(id), Stored.parse(found.doc).blob, signal);
  }

  /** Removes files that were unpacked but not used. */
  async clear(client: SandboxWithGit, signal: AbortSignal): Promise<void> {
    const script = `rm -rf -- "$workdir/${readyFolder}"`;
    await runGit(client, { script, values: { workdir: client.workdir }, timeoutMs: moveMs }, signal);
  }

  async #move(client: SandboxWithGit, path: string, id: string, signal: AbortSignal): Promise<boolean> {
    const values = { workdir: client.workdir, folder: folderOf(id), path };
    const { exitCode, stderr } = await runGit(client, { script: moveScript, values, timeoutMs: moveMs }, signal);
    if (exitCode === gitExitCodes.nothing) return false;
    if (exitCode !== 0)
      throw new AppError('conflict', `The prepared files could not be moved: ${summarizeGitOutput(stderr)}`);
    return true;
  }

  async #extract(client: Sandbox, folder: string, blob: string, signal: AbortSignal): Promise<boolean> {
    const { copies, archive, newId } = this.deps;
    const content = await copies.open(blob).catch(ignoreFileNotFound);
    if (!content) return false;
    const from = {
      name: `prepared-${newId()}`,
      content,
      isPlain: true,
      failure: createCopyFailureFormatter(files, 'tar'),
    } as const;
    await archive.unpack({ programs: client.programs, workdir: `${client.workdir}/${folder}` }, from, signal);
    return true;
  }

  /** Resolves with the size in bytes. Rejects: payload_too_large, conflict. */
  async keep(client: Sandbox, path: string, key: PreparedFilesKey, closing: AbortSignal): Promise<number> {
    const { records, copies, archive, clock, maxBytes, newId } = this.deps;
    const place = placeOf(preparedFilesIdOf(key), `prepared-${newId()}`);
    const from = { programs: client.programs, workdir: `${client.workdir}/${path}` };
    // Each session fetches tracked files with its own permissions.
    const packed = { name: place.blob, only: 'untracked', failure: createCopyFailureFormatter(files, 'bash') } as const;
    const content = archive.pack(from, packed, combineSignals([closing, AbortSignal.timeout(packMs)]));
    const { size } = await copies.add(place, content, { maxBytes, signal: closing });
    await this.#inTurn(prefixOf(key), async () => {
      const before = await records.get(kind, place.holder);
      const usedAt = clock.now();
      const doc = { blob: place.blob, bytes: size, usedAt };
      const put = () => records.put({ kind, id: place.holder, doc, sort: usedAt });
      if (before) await copies.release(placeOf(place.holder, Stored.parse(before.doc).blob), put);
      else await put();
      await this.#dropOldest(prefixOf(key));
    });
    return size;
  }

  async #dropOldest(idPrefix: string): Promise<void> {
    const { records, copies, keep } = this.deps;
    const all = (await records.list(kind, { idPrefix })).map(({ id, doc }) => ({ id, ...Stored.parse(doc) }));
    for (const { id, blob } of all.sort((a, b) => b.usedAt - a.usedAt).slice(keep))
      await copies.release(placeOf(id, blob), () => records.delete(kind, id));
  }
}

const placeOf = (holder: string, blob: string): BlobReference => ({ of: kind, holder, blob });
