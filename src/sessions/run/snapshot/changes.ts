import { isSafePath } from '../../../core/text/file-names.ts';
import { decodeFileNames } from '../../../core/text/files/byte-names.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import type { ChangedFile, FileChanges } from '../../api/files.ts';
import { baselineCompareScript, maxFileChanges, missingBaselineExitCode } from './snapshot-scripts.ts';

const none: FileChanges = { since: null, files: [], truncated: false };

export async function readRunChanges(client: Pick<SandboxClient, 'exec'>, signal: AbortSignal): Promise<FileChanges> {
  const { exitCode, stdout } = await client.exec({ command: baselineCompareScript, timeoutMs: 20_000 }, signal);
  if (exitCode === missingBaselineExitCode) return none;
  return parseFileChanges(stdout);
}

/** Parses the script's output. A sandbox can print anything, so invalid lines are ignored. */
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
