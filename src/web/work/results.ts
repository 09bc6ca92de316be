import { isPhone, showPane } from '../app/layout.ts';
import { model, onEvent } from '../data/log.ts';
import { query } from '../data/server.ts';
import { currentId } from '../data/sessions.ts';
import { bestResult, pathAtServer, resultKinds } from './best-result.ts';
import { fileFilter, storeOf } from './files/store.ts';
import { openTab } from './open-tab.ts';
import { showPlace } from './preview/state.ts';

// The result of a run is shown beside the conversation when the run ends: a page or a picture, once each.

const recentMs = 10_000; // older ends are of the past
const shown = new Set<string>();

export function openFile(sessionId: string, path: string): void {
  fileFilter.value = 'all';
  storeOf(sessionId).shown.value = path;
  openTab.value = 'files';
  showPane();
}

async function show(sessionId: string): Promise<void> {
  if (model.runUsed.peek().toolCalls === 0) return;
  const { files } = await query('files.changes', { sessionId });
  const last = model.items.peek().findLast(({ kind }) => kind === 'assistant');
  const answer = last?.kind === 'assistant' ? last.text.peek() : '';
  const paths = files.filter(({ change }) => change !== 'deleted').map(({ path }) => path);
  const best = bestResult(paths, answer);
  if (best === undefined || shown.has(`${sessionId} ${best}`)) return;
  const [port] = resultKinds[0].test(best) ? (await query('ports.list', { sessionId })).slice(-1) : [];
  const isBusy = document.activeElement?.closest('.work') != null; // the person works in the pane
  if (currentId.value !== sessionId || model.run.peek().kind !== 'ended' || isBusy) return;
  shown.add(`${sessionId} ${best}`);
  if (port) showPlace({ port: port.port, path: pathAtServer(best) });
  else openFile(sessionId, best);
}

/** A phone shows one part at a time, and stays with the conversation. */
export function followResults(): void {
  onEvent(({ type, ts, sessionId, ...event }) => {
    if (type !== 'run.end' || Date.now() - ts > recentMs || isPhone()) return;
    if ('data' in event && (event.data as { status?: string }).status === 'completed')
      void show(sessionId).catch(() => {}); // the tabs have it too
  });
}
