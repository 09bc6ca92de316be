import { ignoredFolders, runFilesFolder as own, runFileLimits } from '../../../core/model/run-files.ts';
import { encodeFileNamesCommand } from '../../../core/text/files/byte-names.ts';

// Scripts that save a sandbox's files before a run and compare them afterwards. They run in the workspace. In a large workspace,
// only some files are listed and copied.

const { files: maxFiles, copies: maxCopies, copyBytes, copiedBytes: maxCopiedBytes } = runFileLimits;
const maxCopyBlocks = copyBytes / 512;
export const maxFileChanges = 2_000;
export const missingBaselineExitCode = 44;

const pruned = `-xdev \\( ${ignoredFolders.map((name) => `-name ${name}`).join(' -o ')} \\) -prune -o`;
const list = `find . ${pruned} -type f -printf '%p\\t%s\\t%T@\\0' | head -zn ${maxFiles} | LC_ALL=C sort -z`;

/** Lists the files and copies small ones, once per run. Needs the shell variables `run` and `at`. */
export const baselineScript = `
[ "$(head -n 1 ${own}/about 2>/dev/null)" = "$run" ] && exit 0
rm -rf ${own}.new && mkdir -p ${own}.new/files || exit 1
${list} >${own}.new/list
find . ${pruned} -type f -size -${maxCopyBlocks + 1} -printf '%s\\0%p\\0' | {
  left=${maxCopiedBytes} count=${maxCopies}
  while IFS= read -r -d '' size && IFS= read -r -d '' path; do
    [ $((count -= 1)) -ge 0 ] && [ $((left -= size)) -ge 0 ] || break
    printf '%s\\0' "$path"
  done
} | xargs -0r cp --parents --no-dereference --reflink=auto -t ${own}.new/files -- 2>/dev/null
printf '%s\\n%s\\n' "$run" "$at" >${own}.new/about
rm -rf ${own} && mv -T ${own}.new ${own}
`;

/** Prints the run, the time, and the files that differ. Current files start with a tab, earlier ones do not. */
export const baselineCompareScript = `
[ -f ${own}/about ] || exit ${missingBaselineExitCode}
cat ${own}/about
${list} | LC_ALL=C comm -z3 ${own}/list - | head -zn ${2 * maxFileChanges + 1} | ${encodeFileNamesCommand}
`;

/** Relative to the workspace. */
export const baselineCopyPathOf = (path: string): string => `${own}/files/${path}`;
