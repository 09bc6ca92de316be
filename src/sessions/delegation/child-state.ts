import type { ChildState } from '../../agents/tools/delegation/child-runs.ts';
import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { FileService } from '../api/files.ts';
import type { SessionService } from '../api/sessions.ts';
import type { UsageAmounts } from '../budgets/children.ts';

interface ChildSources {
  readonly sessions: Pick<SessionService, 'get' | 'history'>;
  readonly files: Pick<FileService, 'changes'>;
  readonly used: UsageAmounts;
}

export async function readChildState(
  id: SessionId,
  { sessions, files, used }: ChildSources,
  signal: AbortSignal,
): Promise<ChildState> {
  const record = await sessions.get(id);
  let [lastWords, question]: [string, string | undefined] = ['', undefined];
  for await (const event of sessions.history(id)) {
    if (event.type === 'message.assistant') lastWords = event.data.text;
    if (event.type === 'run.wait') question = event.data.question;
    if (event.type === 'run.resumed' || event.type === 'run.end') question = undefined;
  }
  const state =
    record.status === 'completed'
      ? (record.outcome?.status ?? 'completed')
      : record.status === 'waiting'
        ? 'waiting'
        : 'running';
  const changed = state === 'running' ? { files: [] } : await files.changes(id, signal).catch(() => ({ files: [] }));
  const letters = { added: 'A', modified: 'M', deleted: 'D' } as const;
  return {
    id,
    title: record.title,
    state,
    ...(question !== undefined && { question }),
    lastWords,
    ...used,
    changes: changed.files.map(({ path, change }) => `${letters[change]} ${path}`),
  };
}

/** Resolves when the child has ended, is gone, or waits for something other than an approval. */
export async function waitUntilSettled(
  { get, follow }: Pick<SessionService, 'get' | 'follow'>,
  id: SessionId,
  signal: AbortSignal,
): Promise<void> {
  let [after, isCut] = [0, true];
  while (isCut) {
    isCut = false;
    for await (const update of follow(id, after, { signal, deltas: false })) {
      if (update.kind === 'resync') {
        // The child's log is trimmed, so its state is read from the record.
        if ((await get(id)).status !== 'running') return;
        [after, isCut] = [update.head, true];
        break;
      }
      for (const { type, data } of update.events) {
        const mayEnd = type === 'run.end' || (type === 'run.wait' && data.reason !== 'approval');
        const { status } = mayEnd ? await get(id) : { status: 'running' };
        if (status === (type === 'run.end' ? 'completed' : 'waiting')) return;
      }
    }
  }
  throwIfAborted(signal);
}
