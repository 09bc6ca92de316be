import { Readable } from 'node:stream';
import { AppError } from '../../../core/errors/errors.ts';
import { quoteForShell } from '../../../core/text/quote.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import { runProgram } from '../../services/streams/piped-command.ts';
import { createTar } from '../../skills/skill-files.ts';
import { memoryStoreLimits } from '../store-index.ts';
import { type MemoryFolderState, reservedMemoryFilePrefix, unreadableTextReason } from './folder-merge.ts';

// The folder's `.corral-memory` file contains the store's id and the hashes from the last sync.

export type MemoryFolderClient = Pick<SandboxClient, 'exec' | 'programs' | 'readFile' | 'workdir' | 'workspace'>;
export interface MemoryFolder {
  readonly client: MemoryFolderClient;
  readonly store: string;
  /** Relative to the workspace. */
  readonly path: string;
  /** Folder for the agent's replaced files, relative to the workspace. */
  readonly unkept: string;
}
const scanMs = 60_000;
const maxHashed = 2 * memoryStoreLimits.memories;
const maxScanBytes = 16 * 2 ** 20;
const maxBlocks = memoryStoreLimits.textBytes / 512;
const notOwn = `-mindepth 1 -name ${quoteForShell(`${reservedMemoryFilePrefix}*`)} -prune -o -type f`;

const scanScript = (folder: string) => `
cd -- ${quoteForShell(folder)} 2>/dev/null || exit 0
if [ -f ${reservedMemoryFilePrefix} ]; then cat ${reservedMemoryFilePrefix}; fi
printf '\\0'
find . ${notOwn} -printf '%P\\0'
printf '\\0%s\\0' "$?"
find . ${notOwn} -size -${maxBlocks + 1} -print0 2>/dev/null | head -zn ${maxHashed} | xargs -0 -r -n 500 sha256sum -z -- 2>/dev/null
exit 0`;

/** Treats another store's folder, for example in a copied workspace, as empty. */
export async function scanMemoryFolder(
  { client, path, store }: MemoryFolder,
  signal: AbortSignal,
): Promise<MemoryFolderState> {
  const command = scanScript(path);
  const { exitCode, stdout, stderr, wholeIn } = await client.exec(
    { command, cwd: client.workdir, timeoutMs: scanMs },
    signal,
  );
  if (exitCode !== 0) throw new AppError('conflict', `The folder could not be read: ${stderr.trim().slice(0, 300)}`);
  const cut = wholeIn?.stdout;
  const text = cut === undefined ? stdout : await wholeText(client, cut, signal);
  const [[marker, ...agreed], names, [status, ...hashLines]] = partsOf(text.split('\0'));
  const empty = { files: new Map(), agreed: undefined, whole: true };
  if (marker !== undefined && marker !== store) return empty;
  const hashes = new Map(hashLines.filter(isHashLine).map(hashIn));
  return {
    files: new Map(names.map((name) => [name, hashes.get(`./${name}`) ?? null])),
    agreed: marker === undefined ? undefined : new Map(agreed.filter(isHashLine).map(hashIn)),
    whole: status === '0',
  };
}
function partsOf(entries: readonly string[]): [string[], string[], string[]] {
  const first = entries.indexOf('');
  const second = entries.indexOf('', first + 1);
  if (second < 0) return [[], [], []];
  return [entries.slice(0, first), entries.slice(first + 1, second), entries.slice(second + 1)];
}
const isHashLine = (line: string) => /^[0-9a-f]{64} {2}/.test(line);
const hashIn = (line: string): [string, string] => [line.slice(66), line.slice(0, 64)];

async function wholeText(client: MemoryFolderClient, file: string, signal: AbortSignal): Promise<string> {
  const bytes = await client.readFile(file, signal, { maxBytes: maxScanBytes });
  if (bytes.length < maxScanBytes) return bytes.toString();
  throw new AppError('conflict', 'The folder has too many files. Move files that are not memories elsewhere.');
}

/** Rejects: conflict (the file is too large for a memory or not valid UTF-8). */
export async function readMemoryFile(
  { client, path }: MemoryFolder,
  file: string,
  signal: AbortSignal,
): Promise<string> {
  const bytes = await client.readFile(`${path}/${file}`, signal, { maxBytes: memoryStoreLimits.textBytes + 1 });
  if (bytes.length > memoryStoreLimits.textBytes) throw new AppError('conflict', unreadableTextReason);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AppError('conflict', unreadableTextReason, { cause });
  }
}

// $1: the folder; $2: the folder for replaced files; $3: the store's id; $4: the access mode. Each change consists of
// the expected hash, the new hash and the path. A file whose hash is not the expected one is moved to $2. Output: paths
// with the prefix u (moved to $2) or f (failed).
const changeScript = `
export LC_ALL=C
folder=$1 unkept=$2 own=${reservedMemoryFilePrefix} new=${reservedMemoryFilePrefix}.new
if [ -f "$folder/$own" ]; then
  IFS= read -r -d '' marker <"$folder/$own"
  if [ "$marker" != "$3" ]; then mkdir -p -- "$unkept" && mv --backup=numbered -T -- "$folder" "$unkept/$marker" || exit 1; fi
fi
mkdir -p -- "$folder" && cd -- "$folder" || exit 1
rm -rf -- "$new" && mkdir "$new" && tar -xmf - -C "$new" && chmod -R u+w "$new" || exit 2
: >"$new/failed"
while IFS= read -r -u 3 -d '' change; do
  was=\${change:0:64} now=\${change:64:64} path=\${change:128}
  if [ -f "$path" ] && [ "$(head -c ${memoryStoreLimits.textBytes + 1} -- "$path" | sha256sum)" != "$was  -" ]; then
    to=$unkept/$path
    if mkdir -p -- "\${to%/*}" && mv --backup=numbered -T -- "$path" "$to"; then printf 'u%s\\0' "$path"; fi
  fi
  if [ -f "$new/files/$path" ]; then
    case $path in */*) mkdir -p -- "\${path%/*}" ;; esac
    mv -fT -- "$new/files/$path" "$path" || { printf '%s  %s\\n' "$now" "$path" >>"$new/failed"; printf 'f%s\\0' "$path"; }
  else
    rm -f -- "$path"
    case $path in */*) rmdir -p --ignore-fail-on-non-empty -- "\${path%/*}" 2>/dev/null ;; esac
  fi
done 3<"$new/changes"
grep -zvxFf "$new/failed" "$new/agreed" >"$new/next"
mv -f -- "$new/next" "$own" && rm -rf -- "$new" || exit 3
if [ "$4" = read_only ]; then find . -type f ! -name "$own*" -exec chmod a-w -- {} + ; fi
exit 0`;
const noHash = '0'.repeat(64);

export interface MemoryFolderChange {
  readonly name: string;
  readonly access: 'read_write' | 'read_only';
  readonly put: readonly { readonly path: string; readonly text: string; readonly sha256: string }[];
  readonly remove: readonly string[];
  readonly before: ReadonlyMap<string, string>;
  readonly agreed: ReadonlyMap<string, string>;
}
export interface MemoryFolderChangeResult {
  readonly unkept: readonly string[];
  readonly failed: readonly string[];
}
/** Can be interrupted at any point, because the next comparison completes the change. */
export async function applyMemoryFolderChange(
  folder: MemoryFolder,
  change: MemoryFolderChange,
  signal: AbortSignal,
): Promise<MemoryFolderChangeResult> {
  const { client, path, store, unkept } = folder;
  const { name, access, put, remove, before, agreed } = change;
  const had = (file: string) => before.get(file) ?? noHash;
  const changes = [
    ...put.map(({ path: file, sha256 }) => `${had(file)}${sha256}${file}`),
    ...remove.map((file) => `${had(file)}${noHash}${file}`),
  ];
  const lines = [store, ...[...agreed].map(([file, hash]) => `${hash}  ${file}`)];
  const listed = (entries: readonly string[]) => entries.map((entry) => `${entry}\0`).join('');
  const files = [
    ...put.map(({ path: file, text }) => ({ path: `files/${file}`, text })),
    { path: 'changes', text: listed(changes) },
    { path: 'agreed', text: listed(lines) },
  ];
  const archive = createTar(
    files.map(({ path: file, text }) => ({ path: file, bytes: Buffer.from(text), executable: false })),
    '.',
  );
  const places = [`${client.workdir}/${path}`, `${client.workdir}/${unkept}`];
  const output: Uint8Array[] = [];
  const program = {
    id: name,
    argv: ['bash', '-c', changeScript, 'bash', ...places, store, access],
    input: Readable.from([archive]),
    onOutput: (bytes: Uint8Array) => void output.push(bytes),
  };
  await runProgram(client, program, signal);
  const replies = Buffer.concat(output).toString().split('\0');
  const after = (letter: string) => replies.filter((entry) => entry.startsWith(letter)).map((entry) => entry.slice(1));
  return { unkept: after('u'), failed: after('f') };
}
