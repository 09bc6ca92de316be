import { combineSignals } from '../../core/concurrency/cancel.ts';
import type { ArchiveClient } from '../forks/workspace-archive.ts';
import { runProgram } from '../services/streams/piped-command.ts';
import { ManifestReader, type WorkspaceManifest } from './manifest.ts';

/** `name`: the id of the program that runs in the sandbox. */
export interface WorkspaceFileOps {
  list(sandbox: ArchiveClient, name: string, signal: AbortSignal): Promise<WorkspaceManifest>;
  /** Moves all files into a folder. An interrupted call can be repeated. */
  moveAside(sandbox: ArchiveClient, to: MoveAsideOptions, signal: AbortSignal): Promise<void>;
  clearBeside(sandbox: ArchiveClient, to: MoveAsideOptions, signal: AbortSignal): Promise<void>;
}
export interface MoveAsideOptions {
  readonly name: string;
  readonly folder: string;
}

// A file that the script cannot read has no hash. The final `end` is missing if hashing fails.
const listScript = `
cd -- "$1" || exit 2
find . -mindepth 1 -path ./.corral -prune -o -type s -o -type l -printf 'l %P\\0%l\\0' -o -type d -printf 'd %m %P\\0' \\
  -o -type f -printf 'f %m %s %P\\0' -o -printf '%y %m %P\\0'
files() { find . -mindepth 1 -path ./.corral -prune -o -type f "$@" -print0; }
printf 'hashes\\0'
files ! -size +256k | xargs -0 -r -n 500 sha256sum -z --
case $? in 0|123) ;; *) exit 0 ;; esac
files -size +256k | xargs -0 -r bash -c '
  printf "%s\\0" "$@" | NODE_OPTIONS= node -e "$0" 2> /dev/null || sha256sum -z -- "$@"' "$2"
case $? in 0|123) printf 'end\\0' ;; esac
exit 0`;
/** Prints hashes like `sha256sum -z`, but uses the processor's SHA-256 instructions. */
const hashProgram = `
const { closeSync, openSync, readFileSync, readSync, writeSync } = require('node:fs');
const { createHash } = require('node:crypto');
const block = Buffer.allocUnsafe(1 << 20);
const hashOf = (name) => {
  let file;
  try {
    file = openSync(name, 'r');
    const hash = createHash('sha256');
    for (let read; (read = readSync(file, block)) > 0; ) hash.update(block.subarray(0, read));
    return hash.digest('hex');
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
};
const names = readFileSync(0);
for (let from = 0, to; (to = names.indexOf(0, from)) >= 0; from = to + 1) {
  const name = names.subarray(from, to);
  const hash = hashOf(name);
  if (hash === undefined) continue;
  const line = Buffer.concat([Buffer.from(hash + '  '), name, Buffer.of(0)]);
  for (let at = 0; at < line.length; ) at += writeSync(1, line, at);
}`;
const beside = `cd -- "$1" && find . -mindepth 1 -maxdepth 1 ! -name .corral ! -name "$2" -exec`;
const moveScript = `mkdir -p -- "$1/$2" && ${beside} mv -f -t "$2" -- {} + && { rmdir -- "$2" 2>/dev/null || true; }`;
// Makes all folders accessible first, because files in a protected folder cannot be removed.
const clearScript = `${beside} chmod -R u+rwX -- {} + ; ${beside} rm -rf -- {} +`;

export const workspaceFileOps: WorkspaceFileOps = {
  async list(sandbox, name, signal) {
    const reader = new ManifestReader();
    const argv = ['bash', '-c', listScript, 'bash', sandbox.workdir, hashProgram];
    const failed = new AbortController();
    const onOutput = (bytes: Uint8Array) => {
      try {
        reader.read(bytes);
      } catch (thrown) {
        failed.abort(thrown);
      }
    };
    await runProgram(sandbox, { id: name, argv, onOutput }, combineSignals([signal, failed.signal]));
    return reader.manifest();
  },
  moveAside: (sandbox, { name: id, folder }, signal) =>
    runProgram(sandbox, { id, argv: ['bash', '-c', moveScript, 'bash', sandbox.workdir, folder] }, signal),
  clearBeside: (sandbox, { name: id, folder }, signal) =>
    runProgram(sandbox, { id, argv: ['bash', '-c', clearScript, 'bash', sandbox.workdir, folder] }, signal),
};
