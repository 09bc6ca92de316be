import { quoteFileNameForShell } from '../../../core/text/files/byte-names.ts';
import { quoteForShell } from '../../../core/text/quote.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import type { ChangedFile, FileChanges } from '../../api/files.ts';
import { baselineCopyPathOf, readRunChanges } from '../snapshot/run-snapshots.ts';

const maxCompared = 100;
const fileChars = 12_000; // maximum bytes of diff per file
const timeoutMs = 20_000;

export async function listChangedFiles(
  client: Pick<SandboxClient, 'exec'>,
  { runId, most }: { readonly runId: string; readonly most: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await readRunDiffs(client, runId, signal);
  if (!found) return undefined;
  const { files, truncated, text } = found;
  if (files.length === 0) return 'No file was changed.';
  const names = files.map(({ path, change }) => `${change}: ${path}`);
  const list = `${names.join('\n')}${truncated ? '\n… and more files' : ''}`;
  const whole = `${list}\n\n${text}`;
  return whole.length <= most ? whole : `${truncateEnd(whole, most)}\n[The rest is left out.]`;
}

/** Resolves with undefined if no copies from before the run exist. */
export async function readRunDiffs(
  client: Pick<SandboxClient, 'exec'>,
  runId: string,
  signal: AbortSignal,
): Promise<(Pick<FileChanges, 'files' | 'truncated'> & { readonly text: string }) | undefined> {
  const { since, files, truncated } = await readRunChanges(client, signal);
  if (since?.runId !== runId) return undefined;
  if (files.length === 0) return { files, truncated, text: '' };
  const command = files.slice(0, maxCompared).map(compared).join('\n');
  const { stdout } = await client.exec({ command, timeoutMs }, signal);
  return { files, truncated: truncated || files.length > maxCompared, text: stdout };
}

/** The diff is empty if no earlier copy of a changed file exists. */
function compared({ path, change }: ChangedFile): string {
  const before = change === 'added' ? '/dev/null' : baselineCopyPathOf(path);
  const after = change === 'deleted' ? '/dev/null' : path;
  const labels = `--label ${quoteForShell(`a/${path}`)} --label ${quoteForShell(`b/${path}`)}`;
  return `diff -u ${labels} -- ${quoteFileNameForShell(before)} ${quoteFileNameForShell(after)} 2>/dev/null | head -c ${fileChars}`;
}
