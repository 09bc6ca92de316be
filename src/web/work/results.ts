import { effect } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { attachmentsFolder } from '../../core/text/file-names.ts';
import { activeTabId, focusTab, isPhone, showTab } from '../app/layout.ts';
import type { RunEndItem } from '../data/items.ts';
import { conversationState } from '../data/log.ts';
import { query } from '../data/server.ts';
import { currentSessionId } from '../data/sessions.ts';
import { findBestResult, resultFilePatterns, toPreviewPath } from './best-result.ts';
import { fileFilter, openFileStore } from './files/store.ts';
import { previewLocation, showPreviewAt, suggestShownPath } from './preview/state.ts';
import type { PreviewLocation } from './preview/target.ts';

// After a run, shows the most relevant page, image or PDF that the run changed, but each file only once.

const shown = new Set<string>();

export function openFileInPane(sessionId: string, path: string): void {
  fileFilter.value = 'all';
  openFileStore(sessionId).shown.value = path;
  showTab('files');
}

type Changes = Outputs['files']['changes']['files'];

async function readChanges(sessionId: string, end: RunEndItem): Promise<Changes> {
  if (conversationState.runUsed.peek().toolCalls === 0) return [];
  // the next query rejects if the sandbox is not running
  if ((await query('sandbox.status', { sessionId })).state !== 'running') return [];
  const { since, files } = await query('files.changes', { sessionId, starts: false });
  if (since?.runId !== end.runId) return []; // the server has no snapshot from this run's start
  const run = conversationState.run.peek();
  if (run.kind === 'ended' && run.end === end)
    end.changed.value = files.filter(({ path }) => !path.startsWith(`${attachmentsFolder}/`)); // not results
  return files;
}

interface Opening {
  /** If false, the result is shown only when the user opens its port. */
  readonly opens: boolean;
  /** Preview at the start of the run. A preview that the user opened later stays. */
  readonly placeBefore: PreviewLocation | undefined;
}

async function show(sessionId: string, files: Changes, { opens, placeBefore }: Opening): Promise<void> {
  const last = conversationState.items.peek().findLast(({ kind }) => kind === 'assistant');
  const answer = last?.kind === 'assistant' ? last.text.peek() : '';
  const best = findBestResult(files, answer);
  if (best === undefined || shown.has(`${sessionId} ${best}`)) return;
  const port = await findPagePort(sessionId, best);
  if (currentSessionId.peek() !== sessionId) return;
  if (port !== undefined) suggestShownPath({ port, path: toPreviewPath(best) });
  const isBusy = document.activeElement?.closest('.work') != null;
  const isChosen = previewLocation.peek() !== placeBefore;
  if (!opens || conversationState.run.peek().kind !== 'ended' || isBusy || isChosen) return;
  shown.add(`${sessionId} ${best}`);
  openAt(sessionId, best, port);
}

/** Opens a page through a web server in the sandbox, if any, so that its scripts run. */
export async function openResult(sessionId: string, path: string): Promise<void> {
  const port = await findPagePort(sessionId, path).catch(() => undefined);
  openAt(sessionId, path, port, true);
  focusTab(activeTabId.peek());
  if (port !== undefined) document.querySelector<HTMLElement>('.preview iframe')?.focus(); // open already
}

const findPagePort = async (sessionId: string, path: string): Promise<number | undefined> =>
  resultFilePatterns[0].test(path) ? (await query('ports.list', { sessionId })).at(-1)?.port : undefined;

function openAt(sessionId: string, path: string, port: number | undefined, takesFocus = false): void {
  if (port === undefined) openFileInPane(sessionId, path);
  else showPreviewAt({ port, path: toPreviewPath(path), takesFocus });
}

export function showResultsAfterRuns(): void {
  let seen: string | undefined;
  let placeBefore: PreviewLocation | undefined;
  effect(() => {
    const run = conversationState.run.value;
    const id = currentSessionId.peek();
    if (run.kind === 'running' && seen !== id) [seen, placeBefore] = [id, previewLocation.peek()];
    if (run.kind !== 'ended' || id === undefined) return;
    const isWatched = seen === id;
    seen = undefined;
    void readChanges(id, run.end)
      .then((files) => show(id, files, { opens: isWatched && !isPhone(), placeBefore }))
      .catch(() => {});
  });
}
