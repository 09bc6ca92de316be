import type { FastifyReply, FastifyRequest } from 'fastify';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { createKeyedQueue } from '../../../core/concurrency/keyed-queue.ts';
import type { FactOf, SessionEvent } from '../../../core/model/events.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { markReplayed, runWithClaim } from '../../../http/guard/idempotency.ts';
import { parseLatestCursor } from '../../../http/transport/cursor.ts';
import type { SendUserMessageCommand, SessionService } from '../../../sessions/api/sessions.ts';
import { toGoal } from '../../shared/conversation/goal.ts';
import type { SheikhboxContext } from './context.ts';
import type { ChatBody } from './schemas.ts';
import { streamChat } from './stream/stream.ts';
import { StreamBounds } from './stream/stream-end.ts';

const recentMs = 10 * 60 * 1000;
const pageSize = 200;

interface Message {
  readonly text: string;
  readonly timestamp: number;
}

async function findRetried(
  sessions: Pick<SessionService, 'page'>,
  session: SessionRecord,
  message: Message,
  now: number,
): Promise<(SessionEvent & FactOf<'message.user'>) | undefined> {
  const isIt = (event: SessionEvent): event is SessionEvent & FactOf<'message.user'> =>
    event.type === 'message.user' &&
    event.data.text === message.text &&
    event.data.clientTimestamp === message.timestamp &&
    now - event.ts < recentMs &&
    Math.abs(event.ts - message.timestamp * 1000) <= recentMs;
  if (Math.abs(now - message.timestamp * 1000) > 2 * recentMs) return undefined;
  for (let upTo = session.lastSeq; upTo > 0; upTo -= pageSize) {
    const { events } = await sessions.page(session.id, Math.max(0, upTo - pageSize), pageSize);
    const found = events.find(isIt);
    if (found) return found;
    const oldest = events[0];
    if (oldest && now - oldest.ts >= recentMs) return undefined;
  }
  return undefined;
}

interface ChatRequest {
  readonly request: FastifyRequest;
  readonly sid: string;
  readonly body: ChatBody;
}

export function createChatHandler(
  context: SheikhboxContext,
): (chatRequest: ChatRequest, reply: FastifyReply) => Promise<void> {
  // Serializes sends, so a repeated request sees the first request's message.
  const inOrder = createKeyedQueue();
  return async ({ request, sid, body }, reply) => {
    const cursor = parseLatestCursor(request.headers['last-event-id'], body.event_id);
    const session = await context.sessions.get(toSessionId(sid));
    const claim = await context.idempotency.claim(request);
    // Watches before sending, because the first answer may be logged before the stream opens.
    using _watching = context.sessions.watching(session.id);
    if (claim?.kind === 'replay') {
      markReplayed(reply);
      const first = StreamBounds.parse(claim.answer);
      return await streamChat(reply, session.id, { ...first, after: cursor ?? first.after }, context);
    }
    const plan = await runWithClaim(claim, () => {
      const text = body.message ?? '';
      if (text.trim() === '') return planReconnect(session, cursor, context);
      // Only messages with a timestamp can be recognized as retries.
      const send = () => planMessage(session.id, text, body, cursor, context);
      return body.timestamp == null ? send() : inOrder(session.id, send);
    });
    return await streamChat(reply, session.id, plan, context);
  };
}

async function planMessage(
  id: SessionId,
  text: string,
  body: ChatBody,
  cursor: number | undefined,
  { sessions, clock }: SheikhboxContext,
): Promise<StreamBounds> {
  if (body.timestamp != null) {
    const sent = await findRetried(sessions, await sessions.get(id), { text, timestamp: body.timestamp }, clock.now());
    if (sent) return untilEndOf(sent.seq, sent.runId, cursor);
  }
  const command: SendUserMessageCommand = {
    text,
    mode: body.mode ?? 'inject',
    ...(body.goal && { goal: toGoal(body.goal) }),
    ...(body.timestamp != null && { clientTimestamp: body.timestamp }),
    ...(body.attachments && {
      attachments: body.attachments.map((file) => (typeof file === 'string' ? file : file.file_id)),
    }),
  };
  const { seq, runId } = await sessions.send(id, command);
  return untilEndOf(seq, runId, cursor);
}

/** Earlier runs that end after the cursor do not end the stream. */
function untilEndOf(seq: number, runId: StreamBounds['until']['runId'], cursor: number | undefined): StreamBounds {
  return { after: cursor ?? seq, until: { after: seq, runId }, last: null };
}

async function planReconnect(
  session: SessionRecord,
  cursor: number | undefined,
  { sessions }: SheikhboxContext,
): Promise<StreamBounds> {
  const active = await sessions.activeRun(session.id);
  const { lastSeq } = await sessions.get(session.id);
  const after = cursor ?? active?.startedSeq ?? lastSeq;
  return { after, until: { after, runId: null }, last: !active || active.waiting ? lastSeq : null };
}
