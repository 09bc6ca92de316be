import { AppError } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import type { VolumeEntry } from '../api/server/volumes.ts';
import { emptyInput, runProgramOverPipes } from '../services/streams/piped-command.ts';
import type { TransferLease } from './volume-transfers.ts';

/** Shell functions that resolve path $2 in the volume with root $1, and exit if a part of it leads out of the volume. */
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
  /** Does not follow a link at the path. */
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
  /** Relative to the root, without leading and trailing slashes. */
  readonly path: string;
  /** Depth of a listing, or octal mode. */
  readonly argument?: string;
}

export async function runVolumeScript(
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
