import { AppError } from '../../../core/errors/errors.ts';

// Scripts that transfer files. $1 is the path, $2 the workspace. A file is opened before its size is read, so replacing it has no
// effect. Its version consists of its size and modification time.

const exits = { missing: 44, outside: 45, unfit: 46, full: 47, changed: 48 } as const;

/** Prints the file's size and version on one line, then its bytes from offset $3; if $4 is not empty, at most $4 bytes. */
export const fileSendScript = `
root=$(readlink -f -- "$2")
file=$(readlink -f -- "$1") && [ -e "$file" ] || exit ${exits.missing}
case "$file/" in "$root"/*) ;; *) exit ${exits.outside} ;; esac
[ -f "$file" ] || exit ${exits.unfit}
exec 3<"$file" || exit ${exits.missing}
heading=$(stat -L -c '%s %s-%.9Y' /proc/self/fd/3) || exit 1
size=\${heading%% *}
from=$3
count=$((size > from ? size - from : 0))
[ -z "$4" ] || [ "$4" -ge "$count" ] || count=$4
echo "$heading"
[ "$count" -gt 0 ] || exit 0
exec dd bs=262144 iflag=skip_bytes,count_bytes,fullblock skip="$from" count="$count" status=none <&3
`;

/**
 * Writes its input next to the file and renames it at the end, so that an interrupted upload keeps the old file. $3: the required
 * version, `none` for a new file, or empty. Prints the new version, which differs even within one clock tick. Uploads to one
 * folder are serialized from the comparison to the rename.
 */
export const fileReceiveScript = `
root=$(readlink -f -- "$2")
case "$1" in */ | */. | */..) exit ${exits.unfit} ;; esac
file=$(readlink -m -- "$1") || exit 1
case "$file" in "$root"/*) ;; *) exit ${exits.outside} ;; esac
[ ! -d "$file" ] || exit ${exits.unfit}
folder=$(dirname -- "$file")
mkdir -p -- "$folder" || exit ${exits.unfit}
part="$file.$$.part"
trap 'rm -f -- "$part"' EXIT
trap 'exit 143' TERM INT HUP
cat >"$part" || exit ${exits.full}
[ ! -e "$file" ] || chmod --reference="$file" -- "$part" 2>/dev/null
version() { stat -L -c '%s-%.9Y' -- "$1" 2>/dev/null || echo none; }
exec 9<"$folder" && flock 9 || exit 1
now=$(version "$file")
[ -z "$3" ] || [ "$3" = "$now" ] || exit ${exits.changed}
while [ "$now" = "$(version "$part")" ]; do touch -- "$part"; done
mv -f -- "$part" "$file" && version "$file"
`;

export function toTransferError(exitCode: number, errors: string): AppError {
  switch (exitCode) {
    case exits.missing:
      return new AppError('file_not_found', 'There is no such file.');
    case exits.outside:
      return new AppError('path_outside', 'That path is outside of the workspace.');
    case exits.unfit:
      return new AppError('invalid_request', 'That path is not a file.');
    case exits.changed:
      return new AppError('file_changed', 'The file has changed since you opened it. Open it again to see the change.');
    case exits.full:
      return new AppError('disk_full', `The sandbox cannot write the file: ${errors || 'its disk may be full'}.`);
    default:
      return new AppError('sandbox_lost', `The transfer ended early (${exitCode})${errors && `: ${errors}`}.`);
  }
}
