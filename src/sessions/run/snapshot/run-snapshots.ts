import { createTimeoutSignal } from '../../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../../core/contracts/server-parts.ts';
import { toAppError } from '../../../core/errors/errors.ts';
import type { RunId, SessionId } from '../../../core/model/ids.ts';
import { ignoredFolders, runFilesFolder as own, runFileLimits } from '../../../core/model/run-files.ts';
import { isSafePath } from '../../../core/text/file-names.ts';
import { decodeFileNames, encodeFileNamesCommand } from '../../../core/text/files/byte-names.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import type { ChangedFile, FileChanges } from '../../api/files.ts';

const { files: maxFiles, copies: maxCopies, copyBytes, copiedBytes: maxCopiedBytes } = runFileLimits;
const maxCopyBlocks = copyBytes / 512;
const maxFileChanges = 2_000;
const missingBaselineExitCode = 44;

const pruned = `-xdev \\( ${ignoredFolders.map((name) => `-name ${name}`).join(' -o ')} \\) -prune -o`;
const list = `find . ${pruned} -type f -printf '%p\\t%s\\t%T@\\0' | head -zn ${maxFiles} | LC_ALL=C sort -z`;

/** Takes effect only once per run. Needs the shell variables `run` and `at`. */
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

/** Prints the run, the time, and differing files. Only lines of current files start with a tab. */
const baselineCompareScript = `
[ -f ${own}/about ] || exit ${missingBaselineExitCode}
cat ${own}/about
${list} | LC_ALL=C comm -z3 ${own}/list - | head -zn ${2 * maxFileChanges + 1} | ${encodeFileNamesCommand}
`;

export const baselineCopyPathOf = (path: string): string => `${own}/files/${path}`;

type Client = Pick<SandboxClient, 'exec' | 'workspace'>;
type Deps = Pick<ServerDependencies, 'clock' | 'warn'>;
interface StartedSnapshot {
  readonly runId: RunId;
  readonly done: Promise<void>;
}
/** After this time, a run continues without a snapshot. */
const patienceMs = 5_000;

export class BaselineRecorder extends ServerComponent<Deps> {
  readonly #taken = new WeakMap<Client, StartedSnapshot>();

  /** Call before the run first uses its sandbox. Resolves even if the snapshot fails. */
  ofRun(sessionId: SessionId, runId: RunId, client: Client): Promise<void> {
    const known = this.#taken.get(client);
    if (known?.runId === runId) return known.done;
    const done = this.#take(sessionId, runId, client);
    this.#taken.set(client, { runId, done });
    return done;
  }

  async #take(sessionId: SessionId, runId: RunId, client: Client): Promise<void> {
    const { clock, warn } = this.deps;
    using until = createTimeoutSignal(patienceMs, clock);
    const at = clock.now();
    const command = `run=${runId} at=${at}\n${baselineScript}`;
    try {
      if (await client.workspace.keep({ run: runId, at }, until.signal)) return;
      const { exitCode, stderr } = await client.exec({ command, tag: runId }, until.signal);
      if (exitCode !== 0) warn({ sessionId, stderr: stderr.slice(0, 500) }, 'no snapshot of the workspace was taken');
    } catch (err) {
      if (toAppError(err).code === 'unsupported') return; // in-memory sandboxes have no programs that could compare files
      warn({ sessionId, err }, 'no snapshot of the workspace was taken');
    }
  }
}

const none: FileChanges = { since: null, files: [], truncated: false };

export async function readRunChanges(client: Pick<SandboxClient, 'exec'>, signal: AbortSignal): Promise<FileChanges> {
  const { exitCode, stdout } = await client.exec({ command: baselineCompareScript, timeoutMs: 20_000 }, signal);
  if (exitCode === missingBaselineExitCode) return none;
  return parseFileChanges(stdout);
}

/** A sandbox can print anything, so invalid lines are ignored. */
export function parseFileChanges(printed: string): FileChanges {
  const [runId = '', at = '', names = ''] = printed.split('\n');
  if (!/^\d{1,15}$/.test(at)) return none;
  const files = new Map<string, ChangedFile>();
  for (const line of decodeFileNames(names).split('\0')) {
    const isNow = line.startsWith('\t');
    const [, path, size] = /^\t?\.\/([^\0]+)\t(\d{1,16})\t[\d.]+$/.exec(line) ?? [];
    if (path === undefined || !isSafePath(path)) continue;
    const known = files.get(path);
    const before = isNow ? (known?.before ?? null) : Number(size);
    const after = isNow ? Number(size) : (known?.after ?? null);
    const change = before === null ? 'added' : after === null ? 'deleted' : 'modified';
    files.set(path, { path, change, before, after });
  }
  const all = [...files.values()].sort((a, b) => Number(a.path > b.path) - Number(a.path < b.path));
  return {
    since: { runId, at: Number(at) },
    files: all.slice(0, maxFileChanges),
    truncated: all.length > maxFileChanges,
  };
}
