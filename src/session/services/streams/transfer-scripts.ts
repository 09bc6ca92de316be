import { AppError } from '../../../core/errors.ts';

// The programs in a sandbox that send and receive a file. $1 is the path, $2 the workspace. A file is opened before it is
// measured, so that another one in its place changes nothing.

const exits = { missing: 44, outside: 45, unfit: 46, full: 47 } as const;

/** Prints the file's size on a line, then that many bytes of it. */
export const sendScript = `
root=$(readlink -f -- "$2")
file=$(readlink -f -- "$1") && [ -e "$file" ] || exit ${exits.missing}
case "$file/" in "$root"/*) ;; *) exit ${exits.outside} ;; esac
[ -f "$file" ] || exit ${exits.unfit}
exec 3<"$file" || exit ${exits.missing}
size=$(stat -L -c %s /proc/self/fd/3) || exit 1
echo "$size"
exec dd bs=262144 iflag=count_bytes,fullblock count="$size" status=none <&3
`;

/** Writes its input beside the file and renames it at the end, so that a broken upload leaves the old file. */
export const receiveScript = `
root=$(readlink -f -- "$2")
file=$(readlink -m -- "$1") || exit 1
case "$file" in "$root"/*) ;; *) exit ${exits.outside} ;; esac
[ ! -d "$file" ] || exit ${exits.unfit}
mkdir -p -- "$(dirname -- "$file")" || exit ${exits.unfit}
part="$file.$$.part"
trap 'rm -f -- "$part"' EXIT
trap 'exit 143' TERM INT HUP
cat >"$part" || exit ${exits.full}
mv -f -- "$part" "$file"
`;

/** The failure that a script reports by its exit code. */
export function scriptFailure(exitCode: number, errors: string): AppError {
  switch (exitCode) {
    case exits.missing:
      return new AppError('file_not_found', 'There is no such file.');
    case exits.outside:
      return new AppError('path_outside', 'That path is outside of the workspace.');
    case exits.unfit:
      return new AppError('invalid_request', 'That path is not a file.');
    case exits.full:
      return new AppError('disk_full', `The sandbox cannot write the file: ${errors || 'its disk may be full'}.`);
    default:
      return new AppError('sandbox_lost', `The transfer ended early (${exitCode})${errors && `: ${errors}`}.`);
  }
}
