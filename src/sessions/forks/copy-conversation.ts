import type { EventLog, RecordPut, Store } from '../../core/contracts/ports.ts';
import type { FactOf, SessionEvent, SessionFact } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { type ConversationEntry, parseConversation } from '../run/log/conversation.ts';
import { applyFact, type StoredSession } from '../run/log/projection.ts';
import { modelRequestKind, modelRequestTextKind, requestIdOf, StoredRequest } from '../run/log/stored-request.ts';

interface Deps {
  readonly store: Pick<Store, 'events' | 'records'>;
  readonly log: Pick<EventLog, 'page'>;
}
export interface ForkPoint {
  readonly from: SessionId;
  readonly seq: number;
}
export interface ConversationCopy {
  readonly record: StoredSession;
  /** The complete message, if the copy ends directly before the event that completes it. */
  readonly openMessage: FactOf<'message.assistant'> | undefined;
  readonly openCalls: readonly FactOf<'tool.calling'>[];
  readonly hasSandbox: boolean;
}
const pageSize = 500;
const unfinished = 'Not finished: the session was forked here.';

/** Events keep their seqs. */
export async function copyConversation(
  deps: Deps,
  { from, seq }: ForkPoint,
  begin: StoredSession,
): Promise<ConversationCopy> {
  const { store, log } = deps;
  const sessionId = begin.id;
  const open = new Map<string, FactOf<'tool.calling'>>();
  let [record, turns, hasSandbox, isOpen] = [begin, 0, false, false];
  for (let after = 0; after < seq; ) {
    const page = await log.page(from, after, Math.min(pageSize, seq - after));
    const events = page.events.filter((event) => event.seq <= seq).map((event) => ({ ...event, sessionId }));
    const { thinned, trimmed } = page;
    await store.events.restore(sessionId, events, { thinned: Math.min(thinned, seq), trimmed: Math.min(trimmed, seq) });
    for (const event of events) {
      record = applyFact(record, event, { seq: event.seq, ts: event.ts, watched: true });
      turns = Math.max(turns, turnOf(event));
      if (event.type === 'message.delta' || event.type === 'message.assistant') isOpen = event.type === 'message.delta';
      if (event.type === 'tool.calling') open.set(event.data.callId, event);
      if (event.type === 'tool.called') open.delete(event.data.callId);
      if (event.type === 'sandbox.phase') hasSandbox = !['lost', 'released'].includes(event.data.phase);
    }
    after = events.at(-1)?.seq ?? seq;
  }
  await copyTranscript(deps, { from, seq }, sessionId);
  await copyRequests(deps, { from, turns }, sessionId);
  const [next] = isOpen ? (await log.page(from, seq, 1)).events : [];
  const openMessage =
    next?.type === 'message.assistant' ? { type: next.type, runId: next.runId, data: next.data } : undefined;
  return { record, openMessage, openCalls: [...open.values()], hasSandbox };
}

const turnOf = (event: SessionEvent): number => (event.type === 'usage' ? (event.data.turn ?? 0) : 0);

/** Copies the entries before `seq`. Providers refuse a call without a result, so an open call gets a result. */
async function copyTranscript({ store: { records } }: Deps, { from, seq }: ForkPoint, to: SessionId): Promise<void> {
  const docs = (await records.list('transcript', { idPrefix: `${from}:` })).map(({ doc }) => doc).reverse();
  const isLater = ({ seq: at = 0 }: Partial<ConversationEntry>) => at >= seq;
  const end = docs.findIndex((doc) => isLater(doc as Partial<ConversationEntry>));
  const own = end < 0 ? docs : docs.slice(0, end);
  const { entries } = parseConversation(own);
  for (const [n, doc] of [...own, ...resultsFor(entries, seq)].entries()) {
    await records.put({ kind: 'transcript', id: `${to}:${String(n).padStart(8, '0')}`, doc, sort: n });
  }
}

function resultsFor(entries: readonly ConversationEntry[], seq: number): ConversationEntry[] {
  const at = entries.findLastIndex(({ message }) => message.role === 'assistant');
  const reply = entries[at];
  if (reply?.message.role !== 'assistant') return [];
  const answered = new Set(entries.slice(at).map(({ message }) => (message.role === 'tool' ? message.callId : '')));
  const { runId, message } = reply;
  return message.calls
    .filter(({ callId }) => !answered.has(callId))
    .map(({ callId, name }) => ({
      runId,
      seq,
      message: { role: 'tool' as const, callId, name, output: unfinished, success: false },
    }));
}

/** Includes the requests' texts, so that the copy can show what the model received. */
async function copyRequests(
  { store: { records } }: Deps,
  { from, turns }: { readonly from: SessionId; readonly turns: number },
  to: SessionId,
): Promise<void> {
  const texts = new Set<string>();
  const copy = async (kind: string, name: string, rest: Pick<RecordPut, 'sort'> = {}) => {
    const found = await records.get(kind, `${from}:${name}`);
    if (found) await records.put({ kind, id: `${to}:${name}`, doc: found.doc, ...rest });
    return found?.doc;
  };
  for (let turn = 1; turn <= turns; turn++) {
    const stored = StoredRequest.safeParse(await copy(modelRequestKind, requestIdOf(turn), { sort: turn }));
    if (!stored.success) continue; // older servers recorded no requests
    const { system, tools, note, notes, earlier = [] } = stored.data;
    const placed = [...(notes?.more ?? []), ...earlier];
    for (const hash of [system, tools, note, ...placed.map((one) => one.note)]) if (hash) texts.add(hash);
  }
  for (const hash of texts) await copy(modelRequestTextKind, hash);
}

export function createClosingFacts({ record, openMessage, openCalls, hasSandbox }: ConversationCopy): SessionFact[] {
  const calls = openCalls.map(({ runId, data }): SessionFact => {
    const result = { success: false, output: unfinished, reason: 'cancelled', content: null } as const;
    return { type: 'tool.called', runId, data: { ...data, ...result } };
  });
  const runs = record.openRuns.map(({ runId, task }): SessionFact => {
    return { type: 'run.end', runId, data: { status: 'stopped', reason: 'stopped', task } };
  });
  const detail = 'A fork begins in a sandbox of its own.';
  const sandbox: SessionFact = { type: 'sandbox.phase', runId: null, data: { phase: 'released', detail } };
  return [...(openMessage ? [openMessage] : []), ...calls, ...runs, ...(hasSandbox ? [sandbox] : [])];
}
