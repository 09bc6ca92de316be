import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import type { MountAccess, Volume } from '../../core/model/sandboxes/volume.ts';
import { isFolderPath } from '../../core/text/file-names.ts';
import { expectArchive } from '../../core/text/files/archive-format.ts';
import { trimCharacters } from '../../core/text/text.ts';
import type { VolumeEntry, VolumeFile, VolumeService } from '../api/server/volumes.ts';
import type { WorkspaceArchiver } from '../forks/workspace-archive.ts';
import { createTransferHeaderReader } from '../services/streams/header-reader.ts';
import { emptyInput, runProgram, runProgramOverPipes } from '../services/streams/piped-command.ts';
import type { VolumeRecords } from './volume-records.ts';
import { maxVolumeTransferMs, type TransferLease, type TransferSandboxPool } from './volume-transfers.ts';

/** Resolves path $2 under root $1. Exits if the path leads out of the root. */
const located = String.raw`
root=$1; at=$1; [ -n "$2" ] && at=$1/$2
within() { case "$1/" in "$root"/*) ;; *) exit 45 ;; esac; }
existing() { real=$(realpath -e -- "$at" 2>&-) || exit 44; within "$real"; }
beside() {
  [ "$at" = "$root" ] && { real=$root; return; }
  real=$(realpath -e -- "$(dirname -- "$at")" 2>&-) || exit 44; within "$real"; real=$real/$(basename -- "$at")
}
shown() { exec find "$@" -printf '%y %s %m %U %G %A@ %T@ %C@\0%P\0%l\0'; }
`;
const scripts = {
  /** Does not follow a link in the last part of the path. */
  stat: `${located} beside; [ -e "$real" ] || [ -L "$real" ] || exit 44; shown "$real" -maxdepth 0`,
  list: `${located} existing; [ -d "$real" ] || exit 46; shown "$real" -mindepth 1 -maxdepth "$3" ! -path "$root/.corral-restore*"`,
  makeFolder: `${located} beside; [ -e "$real" ] || [ -L "$real" ] && exit 47; mkdir -m "\${3:-755}" -- "$real" || exit 48; shown "$real" -maxdepth 0`,
  makeFolders: `${located} real=$(realpath -m -- "$at"); within "$real"; [ -e "$real" ] && [ ! -d "$real" ] && exit 47
    mkdir -p -- "$real" || exit 48; [ -z "$3" ] || chmod "$3" -- "$real" || exit 48; shown "$real" -maxdepth 0`,
  chmod: `${located} existing; chmod "$3" -- "$real" || exit 48; shown "$real" -maxdepth 0`,
} as const;
const failures: Readonly<Record<number, readonly [AppError['code'], string]>> = {
  44: ['file_not_found', 'There is no such path in the volume.'],
  45: ['path_outside', 'The path leads out of the volume.'],
  46: ['invalid_request', 'That is not a folder.'],
  47: ['conflict', 'Something already exists at that path.'],
  48: ['invalid_request', 'The system does not allow that.'],
};
const maxBytes = 8 * 2 ** 20;
const types: Readonly<Record<string, VolumeEntry['type']>> = { f: 'file', d: 'directory', l: 'symlink' };

interface EntryWork {
  readonly script: keyof typeof scripts;
  /** Relative to the root, without leading or trailing slashes. */
  readonly path: string;
  /** Maximum depth of a listing, or an octal mode. */
  readonly argument?: string;
}

async function runVolumeScript(
  { client, folder }: TransferLease,
  { script, path, argument = '' }: EntryWork,
  ids: Pick<IdSource, 'short'>,
  signal: AbortSignal,
): Promise<readonly VolumeEntry[]> {
  const pieces: Buffer[] = [];
  let size = 0;
  const onOutput = (bytes: Uint8Array) => {
    size += bytes.length;
    if (size <= maxBytes) pieces.push(Buffer.from(bytes));
  };
  const argv = ['bash', '-c', scripts[script], 'bash', `${client.workdir}/${folder}`, path, argument];
  const program = { id: `entries-${ids.short()}`, argv };
  const { exitCode } = await runProgramOverPipes(
    client,
    program,
    { input: emptyInput(), onOutput, onErrors: () => {} },
    signal,
  );
  const failure = failures[exitCode];
  if (failure) throw new AppError(...failure);
  if (size > maxBytes) throw new AppError('payload_too_large', 'The folder has too many entries. List its subfolders.');
  return entriesIn(Buffer.concat(pieces).toString(), path);
}

const report =
  /^(\w) (\d{1,16}) ([0-7]{1,5}) (\d{1,10}) (\d{1,10}) (-?\d+)(?:[.]\d*)? (-?\d+)(?:[.]\d*)? (-?\d+)(?:[.]\d*)?$/;
function entriesIn(output: string, path: string): VolumeEntry[] {
  const fields = output.split('\0').slice(0, -1);
  return Array.from({ length: Math.floor(fields.length / 3) }, (_, n) => {
    const [facts = '', below = '', target = ''] = fields.slice(3 * n, 3 * n + 3);
    const found = report.exec(facts);
    if (!found) throw new AppError('sandbox_untrusted', "The sandbox did not report the volume's entries.");
    const [, type = '', size, mode = '', uid, gid, accessed, modified, changed] = found;
    return {
      path: [path, below].filter(Boolean).join('/'),
      type: types[type] ?? 'unknown',
      size: Number(size),
      mode: Number.parseInt(mode, 8),
      uid: Number(uid),
      gid: Number(gid),
      accessedAt: Number(accessed) * 1_000,
      modifiedAt: Number(modified) * 1_000,
      changedAt: Number(changed) * 1_000,
      ...(type === 'l' && { target }),
    };
  });
}

interface Deps {
  readonly records: VolumeRecords;
  readonly transfers: Pick<TransferSandboxPool, 'use'>;
  readonly archive: Pick<WorkspaceArchiver, 'pack' | 'unpack'>;
  readonly ids: Pick<IdSource, 'short'>;
}
type Content = Pick<
  VolumeService,
  | 'stat'
  | 'entries'
  | 'makeFolder'
  | 'changeMode'
  | 'listFiles'
  | 'readFile'
  | 'writeFile'
  | 'removeFile'
  | 'backup'
  | 'restore'
>;

/** The folder is in the volume, because a rename cannot cross file systems. */
const staging = '.corral-restore';
const swapScript = `
set -e
cd -- "$1"
find . -mindepth 1 -maxdepth 1 ! -name ${staging} -exec rm -rf -- {} +
find ${staging} -mindepth 1 -maxdepth 1 -exec mv -- {} . ';'
rmdir ${staging}`;
const sizeOf = 'du --summarize --block-size=1 --apparent-size -- "$1" | cut -f1';

/** Uses the daemon of a sandbox that contains only the volume. */
export function createVolumeContentService({ records, transfers, archive, ids }: Deps): Content {
  const limited = (signal: AbortSignal) => combineSignals([signal, AbortSignal.timeout(maxVolumeTransferMs)]);

  async function bytesIn({ client }: TransferLease, folder: string, signal: AbortSignal): Promise<number> {
    let text = '';
    const onOutput = (bytes: Uint8Array) => {
      if (text.length < 100) text += Buffer.from(bytes).toString('latin1');
    };
    const argv = ['bash', '-c', sizeOf, 'bash', folder];
    await runProgram(client, { id: `size-${ids.short()}`, argv, onOutput }, signal);
    if (/^\d{1,16}\s*$/.test(text)) return Number(text);
    throw new AppError('sandbox_untrusted', "The sandbox did not report the volume's size.");
  }

  async function measure(id: string, used: TransferLease, signal: AbortSignal): Promise<Volume> {
    const usedBytes = await bytesIn(used, at(used), signal);
    return await records.update(id, (now) => ({ ...now, usedBytes, isChanged: now.holders.some(isSession) }));
  }

  async function room(id: string, used: TransferLease, signal: AbortSignal): Promise<number> {
    const before = await records.get(id);
    const { quotaBytes, usedBytes } = before.isChanged ? await measure(id, used, signal) : before;
    return Math.max(0, quotaBytes - usedBytes);
  }

  async function open(id: string, path: string, signal: AbortSignal, part = {}): Promise<VolumeFile> {
    await using stack = new AsyncDisposableStack();
    const used = stack.use(await transfers.use(id, 'read', signal));
    const { content: answer } = await used.client.transfers.open(inside(used, path), part, signal);
    stack.defer(() => void answer.destroy());
    const report: { size?: number } = {};
    const read = createTransferHeaderReader((heading) => {
      report.size = heading.size;
    });
    const pieces = answer[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    let first: Uint8Array = new Uint8Array();
    while (report.size === undefined) {
      const { value, done } = await pieces.next();
      if (done) throw new AppError('sandbox_untrusted', "The sandbox did not send the file's size.");
      first = read(value);
    }
    const held = stack.move();
    async function* rest() {
      try {
        if (first.length > 0) yield first;
        for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
      } finally {
        await held.disposeAsync();
      }
    }
    const content = Readable.from(rest(), { objectMode: false });
    content.once('close', () => void held.disposeAsync()); // 'close' fires even if the content was never read
    return { size: report.size, content };
  }

  async function one(
    id: string,
    access: MountAccess,
    work: Parameters<typeof runVolumeScript>[1],
    signal: AbortSignal,
  ): Promise<VolumeEntry> {
    await using used = await transfers.use(id, access, signal);
    const [entry] = await runVolumeScript(used, { ...work, path: below(work.path) }, ids, limited(signal));
    if (!entry) throw new AppError('file_not_found', 'There is no such path in the volume.');
    return entry;
  }

  return {
    async listFiles(id, path, signal) {
      await using used = await transfers.use(id, 'read', signal);
      const entries = await used.client.listFiles(inside(used, path), signal);
      return entries.filter(({ name }) => name !== staging);
    },
    stat: (id, path, signal) => one(id, 'read', { script: 'stat', path }, signal),
    async entries(id, path, depth, signal) {
      await using used = await transfers.use(id, 'read', signal);
      const work = { script: 'list', path: below(path), argument: String(depth) } as const;
      return await runVolumeScript(used, work, ids, limited(signal));
    },
    makeFolder: (id, path, { parents, mode }, signal) =>
      one(
        id,
        'write',
        { script: parents ? 'makeFolders' : 'makeFolder', path, argument: mode?.toString(8) ?? '' },
        signal,
      ),
    changeMode: (id, path, mode, signal) =>
      one(id, 'write', { script: 'chmod', path, argument: mode.toString(8) }, signal),
    readFile: (id, path, signal, part) => open(id, path, limited(signal), part),
    async writeFile(id, path, content, signal) {
      await using used = await transfers.use(id, 'write', signal);
      const until = limited(signal);
      const target = inside(used, path);
      if (target === used.folder || isFolderPath(path))
        throw new AppError('invalid_request', 'Name a file below the root of the volume.');
      const free = await room(id, used, until);
      const counted = atMost(content, free);
      const { size } = await used.client.transfers.write(target, counted, {}, until);
      await measure(id, used, until);
      return { size };
    },
    async removeFile(id, path, signal) {
      await using used = await transfers.use(id, 'write', signal);
      const target = inside(used, path);
      if (target === used.folder)
        throw new AppError('invalid_request', 'The root of a volume cannot be deleted. Delete the volume instead.');
      await used.client.removeFile(target, limited(signal));
      await measure(id, used, limited(signal));
    },
    async backup(id, signal) {
      const used = await transfers.use(id, 'read', signal);
      const from = { workdir: at(used), programs: used.client.programs, workspace: used.client.workspace };
      async function* content() {
        try {
          yield* archive.pack(from, { name: `backup-${ids.short()}` }, limited(signal));
        } finally {
          await used[Symbol.asyncDispose]();
        }
      }
      return Readable.from(content(), { objectMode: false });
    },
    async restore(id, content, signal) {
      await using used = await transfers.use(id, 'write', signal);
      const until = limited(signal);
      const { client } = used;
      const { quotaBytes } = await records.get(id);
      const to = `${at(used)}/${staging}`;
      const run = (script: string, folder: string) =>
        runProgram(client, { id: `restore-${ids.short()}`, argv: ['bash', '-c', script, 'bash', folder] }, until);
      await run('rm -rf -- "$1" && mkdir -- "$1"', to); // an interrupted restore may have left the folder behind
      try {
        const target = { workdir: to, programs: client.programs, workspace: client.workspace };
        // Stops early if the compressed archive alone exceeds the quota.
        const packed = atMost(expectArchive(content, 'gzip'), quotaBytes);
        await archive.unpack(target, { name: `unpack-${ids.short()}`, content: packed }, until);
        const bytes = await bytesIn(used, to, until);
        if (bytes > quotaBytes) throw overQuota(quotaBytes);
        await run(swapScript, at(used));
      } catch (thrown) {
        await run('rm -rf -- "$1"', to).catch(() => {}); // the next restore removes the folder
        throw thrown;
      }
      return await measure(id, used, until);
    },
  };
}

const isSession = ({ access, until }: Volume['holders'][number]) => access === 'write' && until === undefined;
const at = ({ client, folder }: TransferLease): string => `${client.workdir}/${folder}`;
const overQuota = (bytes: number) =>
  new AppError(
    'payload_too_large',
    `The volume has space for ${bytes} bytes, and the content is larger. Nothing was changed.`,
  );

function below(path: string): string {
  if (path.includes('\0')) throw new AppError('invalid_request', 'A path cannot contain NUL.');
  if (path.split('/').includes('..')) throw new AppError('path_outside', 'A path in a volume must not contain "..".');
  const clean = trimCharacters(posix.normalize(`/${path}`), '/');
  if (clean === staging || clean.startsWith(`${staging}/`)) {
    throw new AppError('file_not_found', `There is no file ${path}.`);
  }
  return clean;
}

/** The daemon refuses links that lead out of the workspace. */
const inside = ({ folder }: TransferLease, path: string): string => posix.join(folder, below(path));

async function* atMost(content: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const piece of content) {
    left -= piece.length;
    if (left < 0) throw overQuota(bytes);
    yield piece;
  }
}
