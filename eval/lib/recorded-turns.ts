import type { AssistantMessage } from '../../src/agents/models/model.ts';
import type { RecordStore } from '../../src/core/contracts/ports.ts';
import type { SessionId } from '../../src/core/model/ids.ts';
import { parseConversation } from '../../src/sessions/run/log/conversation.ts';
import { requestRecordKind, StoredRequest } from '../../src/sessions/run/log/stored-request.ts';

export interface RecordedTurn {
  readonly turn: number;
  readonly reply: AssistantMessage;
}

/**
 * The turns whose whole reply is in the session's conversation, in order, and the number of other turns: those that
 * failed, wrote a summary, or had a truncated or unusable reply.
 */
export async function readRecordedTurns(
  records: RecordStore,
  id: SessionId,
): Promise<{ readonly turns: readonly RecordedTurn[]; readonly others: number }> {
  const idPrefix = `${id}:`;
  const requests = (await records.list(requestRecordKind, { idPrefix }))
    .map(({ doc }) => StoredRequest.parse(doc))
    .reverse();
  const docs = (await records.list('transcript', { idPrefix })).map(({ doc }) => doc).reverse();
  const turns: RecordedTurn[] = [];
  for (const [n, { turn, runId, from }] of requests.entries()) {
    if (from.begun || from.upto !== undefined) continue;
    // A turn's own messages end where the next request begins. Requests at the same position are attempts at one turn.
    const { entries } = parseConversation(docs.slice(from.length, requests[n + 1]?.from.length));
    const found = entries.find((entry) => entry.message.role === 'assistant' && entry.runId === runId);
    if (found?.message.role === 'assistant') turns.push({ turn, reply: found.message });
  }
  return { turns, others: requests.length - turns.length };
}
