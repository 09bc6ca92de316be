import { createHash } from 'node:crypto';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { SessionId } from '../../core/model/ids.ts';
import {
  checkpointFolder,
  maxShownOutputBytes,
  outputFolder,
  runFilesFolder,
  skillFolder,
} from '../../core/model/run-files.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { WorkspaceFingerprint } from '../../sandboxes/client/abilities.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import { type PipedProgram, runProgram, streamOutput } from '../services/streams/piped-command.ts';

export type ArchiveClient = Pick<SandboxClient, 'workdir' | 'programs' | 'workspace'>;
type ArchivedFolder = Pick<ArchiveClient, 'workdir' | 'programs'>;

/** `name`: a program id that is unique in the sandbox. */
export interface WorkspaceArchiver {
  measure(sandbox: ArchiveClient, name: string, signal: AbortSignal): Promise<WorkspaceFingerprint>;
  /** Fails unless the sandbox delivers the whole workspace. */
  pack(sandbox: ArchivedFolder, packed: PackOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Overwrites existing files. */
  unpack(sandbox: ArchivedFolder, from: UnpackOptions, signal: AbortSignal): Promise<void>;
}
export interface PackOptions extends Pick<PipedProgram, 'failure'> {
  readonly name: string;
  /** Packs only a repository's untracked files, uncompressed. */
  readonly only?: 'untracked';
  /** Size of the files in bytes, as `measure` returned it. Undefined if unknown. */
  readonly bytes?: number;
}
export interface UnpackOptions extends Pick<PipedProgram, 'failure'> {
  readonly name: string;
  readonly isPlain?: true;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Exit codes of `packScript`. They must differ from 1, with which tar exits if a file changed. */
const exits = { compress: 3 } as const;

// Runs only `find`, which is fast, because the run's next command waits for the listing. Omits sockets.
const listing = (workdir: string) => [
  ...['find', workdir, '-mindepth', '1'],
  ...[
    '-path',
    `${workdir}/${runFilesFolder}`,
    '-prune',
    '-o',
    '-path',
    `${workdir}/${runFilesFolder}.new`,
    '-prune',
    '-o',
  ],
  ...[checkpointFolder, skillFolder].flatMap((path) => ['-path', `${workdir}/${path}`, '-prune', '-o']),
  ...['-path', `${workdir}/${outputFolder}/*`, '-type', 'f', '-size', `-${maxShownOutputBytes + 1}c`, '-o'],
  ...['-type', 's', '-o', '-type', 'd', '-printf', 'd %m %P\\0', '-o', '-printf', '%y %s %m %T@ %P %l\\0'],
];
// Omits the workspace folder's own entry, whose owner differs in some sandboxes.
const packScript = `
set -o pipefail
cd -- "$1" || exit 2
pack() { tar --create --format=posix --sparse --xattrs --exclude=./${checkpointFolder} --exclude=./${skillFolder} --null --verbatim-files-from --files-from=- --file=-; }
compress() { if [ -n "$2" ] && command -v node > /dev/null; then node -e "$2"; else gzip -1; fi || exit ${exits.compress}; }
if [ "$3" = untracked ]; then git -c core.fsmonitor=false -c core.hooksPath=/dev/null ls-files --others -z | pack
else find . -mindepth 1 -maxdepth 1 -print0 | pack | compress "$@"; fi`;
/** Writes one gzip member per MiB, uncompressed if the block's middle does not compress. */
const packProgram = `
const { readSync, writeSync } = require('node:fs');
const { gzipSync } = require('node:zlib');
const block = Buffer.allocUnsafe(1 << 20);
const fill = () => {
  let filled = 0;
  for (let read = 1; read > 0 && filled < block.length; filled += read) read = readSync(0, block, filled, block.length - filled);
  return filled;
};
for (let filled = fill(); filled > 0; filled = fill()) {
  const piece = block.subarray(0, filled);
  const middle = piece.subarray(filled >> 1, (filled >> 1) + 16384);
  const level = gzipSync(middle, { level: 1 }).length > middle.length * 0.95 ? 0 : 1;
  const packed = gzipSync(piece, { level, chunkSize: piece.length + 4096 });
  for (let at = 0; at < packed.length; ) at += writeSync(1, packed, at);
}`;
/** Below this size, gzip finishes before `packProgram` even starts. */
const largeBytes = 16 * 1024 * 1024;
const packing = (workdir: string, { bytes = 0, only }: Omit<PackOptions, 'name'>) =>
  ['bash', '-c', packScript, 'bash', workdir, bytes < largeBytes ? '' : packProgram, only ?? ''] as const;
const unpacking = (workdir: string, isPlain = false) =>
  [
    'tar',
    '--extract',
    ...(isPlain ? [] : ['--gzip']),
    '--preserve-permissions',
    '--xattrs',
    '--xattrs-include=user.*',
    '--file=-',
    `--directory=${workdir}`,
  ] as const;

/** Archives are packed and unpacked in the sandbox, never on the server. */
export const workspaceArchiver: WorkspaceArchiver = {
  async measure(sandbox, name, signal) {
    const seen = await sandbox.workspace.print(signal);
    if (seen) return seen;
    const hash = createHash('sha256');
    const sizes = sizeReader();
    const onOutput = (bytes: Uint8Array) => {
      hash.update(bytes);
      sizes.read(bytes);
    };
    // find exits with 1 for a folder without read permission.
    await runProgram(sandbox, { id: name, argv: listing(sandbox.workdir), onOutput, mayExit: 1 }, signal);
    return { print: hash.digest('hex'), bytes: sizes.sum() };
  },

  // tar exits with 1 if a file changed while it was being read, but the archive is still complete.
  pack: (sandbox, { name: id, failure, ...packed }, signal) =>
    streamOutput(
      sandbox,
      { id, argv: packing(sandbox.workdir, packed), mayExit: packed.only ? 0 : 1, failure },
      signal,
    ),

  unpack: (sandbox, { name: id, content: input, isPlain, failure }, signal) =>
    runProgram(sandbox, { id, argv: unpacking(sandbox.workdir, isPlain), input, failure }, signal),
};

function sizeReader(): { read(bytes: Uint8Array): void; sum(): number } {
  let [sum, rest] = [0, ''];
  return {
    read(bytes) {
      const entries = (rest + Buffer.from(bytes).toString('latin1')).split('\0');
      rest = entries.pop() ?? '';
      for (const entry of entries) sum += Number(/^f (\d+) /.exec(entry)?.[1] ?? 0);
    },
    sum: () => sum,
  };
}

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly archive: WorkspaceArchiver;
  readonly newId: () => string;
}
const landing = '.corral/chosen';
const timeoutMs = 120_000;

// Old files remain until all new files have arrived.
const prepare = `set -e
rm -rf -- ${landing}
mkdir -p -- ${landing}`;
const replace = `set -e
[ -d ${landing} ]
find . -mindepth 1 -maxdepth 1 ! -name .corral -exec chmod -R u+rwX -- {} + 2>/dev/null || true
find . -mindepth 1 -maxdepth 1 ! -name .corral -exec rm -rf -- {} +
find ${landing} -mindepth 1 -maxdepth 1 ! -name .corral -exec mv -t . -- {} +
rm -rf -- ${landing}`;

/** Copies whole workspaces between sessions' sandboxes. An interrupted copy can be repeated. */
export class WorkspaceCopier extends ServerComponent<Deps> {
  /** Overwrites existing files. */
  async copy(from: SessionId, to: SessionId, signal: AbortSignal): Promise<void> {
    await using source = await this.deps.sandboxes.use(from, signal);
    await using target = await this.deps.sandboxes.use(to, signal);
    await this.#move(source.client, target.client, signal);
  }

  /** Replaces all files of the session `to`, except Corral's own folder. */
  async replace(from: SessionId, to: SessionId, signal: AbortSignal): Promise<void> {
    await using source = await this.deps.sandboxes.use(from, signal);
    await using target = await this.deps.sandboxes.use(to, signal);
    const { workdir, programs, workspace } = target.client;
    await run(target.client, prepare, signal);
    await this.#move(source.client, { workdir: `${workdir}/${landing}`, programs, workspace }, signal);
    await failpoint('attempts.landed');
    await run(target.client, replace, signal);
  }

  async #move(source: ArchiveClient, target: ArchiveClient, signal: AbortSignal): Promise<void> {
    const { archive, newId } = this.deps;
    const content = archive.pack(source, { name: `pack-${newId()}` }, signal);
    await archive.unpack(target, { name: `unpack-${newId()}`, content }, signal);
  }
}

async function run(client: SandboxClient, command: string, signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await client.exec({ command, cwd: '.', timeoutMs }, signal);
  if (exitCode !== 0) throw new AppError('conflict', `The files could not be replaced: ${truncateEnd(stderr, 500)}`);
}
