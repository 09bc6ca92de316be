import { signal } from '@preact/signals';
import { onSessionEvent } from '../../data/log.ts';
import { query, toErrorText } from '../../data/server.ts';

/** `asleep`: listing the workspace's files would start the sandbox. */
type WorkspacePaths =
  | { readonly state: 'loading' | 'asleep' | 'ready'; readonly paths: readonly string[] }
  | { readonly state: 'failed'; readonly why: string; readonly paths: readonly string[] };

const nothing: WorkspacePaths = { state: 'loading', paths: [] };
const hidden = /^\.(corral|git)\//;

export const workspacePaths = signal<WorkspacePaths>(nothing);
let known: string | undefined;

/** `starts`: lists the files even if that starts the sandbox. */
export async function loadWorkspacePaths(sessionId: string, { starts = false } = {}): Promise<void> {
  if (known === sessionId && workspacePaths.peek().state !== 'asleep' && !starts) return;
  if (known !== sessionId) workspacePaths.value = nothing;
  known = sessionId;
  const tell = (now: WorkspacePaths) => {
    if (known === sessionId) workspacePaths.value = now;
  };
  try {
    const { state } = await query('sandbox.status', { sessionId });
    if (state !== 'running' && !starts) return tell({ state: 'asleep', paths: [] });
    const { matches } = await query('files.find', { sessionId, pattern: '*' });
    const paths = matches.map((path) => path.replace(/^(\.\/|\/workspace\/)/, ''));
    tell({ state: 'ready', paths: paths.filter((path) => !hidden.test(path)) });
  } catch (thrown) {
    tell({ state: 'failed', why: toErrorText(thrown), paths: [] });
    if (known === sessionId) known = undefined;
  }
}

export const watchWorkspaceChanges = (): (() => void) =>
  onSessionEvent(({ type }) => {
    if (type === 'tool.called' || type === 'run.end' || type === 'sandbox.phase') known = undefined;
  });
