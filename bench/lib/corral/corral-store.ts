import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { createIdSource, type SessionId } from '../../../src/core/model/ids.ts';
import { createSessionRecord } from '../../../src/sessions/run/log/projection.ts';
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts';
import { type ProgramMethods, startProgram } from '../calls/child-process.ts';
import { createTempFolder } from '../calls/folder.ts';
import type { Corral } from './corral.ts';

// Fills a new data folder as an earlier server would have left it, using the measured checkout's store.

const atOnce = 100;
export interface ConversationSpec {
  readonly events: number;
  readonly newest: string;
}
interface Contents {
  sessions: { readonly input: number; readonly stored: SessionId[] };
  conversation: { readonly input: ConversationSpec; readonly stored: SessionId };
}

export async function createFilledFolder<Of extends keyof Contents>(
  stack: AsyncDisposableStack,
  of: Of,
  input: Contents[Of]['input'],
): Promise<{ dataDir: string; stored: Contents[Of]['stored'] }> {
  const dataDir = join(stack.use(await createTempFolder()).path, 'd');
  await using child = await startProgram('corral-store', dataDir);
  return { dataDir, stored: await child.call(of, input) };
}

export async function open(dataDir: string, stack: AsyncDisposableStack): Promise<ProgramMethods> {
  await mkdir(dataDir, { mode: 0o700 });
  const store = stack.use(await openSqliteStore({ path: join(dataDir, 'corral.db') }));
  const ids = createIdSource();
  return {
    async sessions(count: number): Promise<SessionId[]> {
      const created: SessionId[] = [];
      for (let n = 0; n < count; n += atOnce) {
        const some = Array.from({ length: Math.min(atOnce, count - n) }, () => addSession({ store, ids }));
        created.push(...(await Promise.all(some)));
      }
      return created;
    },
    async conversation({ events, newest }: ConversationSpec): Promise<SessionId> {
      const id = await addSession({ store, ids });
      const runId = ids.runId();
      const factAt = (seq: number): SessionFact => {
        if (seq === events || seq % 10 === 0) {
          const text = seq === events ? newest : `message ${seq} `.padEnd(200, 'with words ');
          return { type: 'message.user', runId, data: { messageId: ids.messageId(), text, attachments: [] } };
        }
        const description = `step ${seq} `.padEnd(120, '.');
        return { type: 'step', runId, data: { id: String(seq), description, status: 'completed' } };
      };
      for (let head = 1; head < events; ) {
        const facts = Array.from({ length: Math.min(1_000, events - head) }, (_, n) => factAt(head + n + 1));
        head = await store.events.append({ sessionId: id, after: head, at: Date.now(), facts });
      }
      return id;
    },
  };
}

export async function addSession({ store, ids }: Pick<Corral, 'store' | 'ids'>): Promise<SessionId> {
  const id = ids.sessionId();
  const at = Date.now();
  const input = { id, origin: 'sheikhbox', template: 'default', title: '', projectId: null, lastTask: '', at } as const;
  const doc = { ...createSessionRecord(input), lastSeq: 1 };
  await store.events.append({
    sessionId: id,
    after: 0,
    at,
    facts: [{ type: 'session.created', runId: null, data: { origin: 'sheikhbox', template: 'default' } }],
    puts: [{ kind: 'session', id, doc, sort: at }],
  });
  return id;
}
