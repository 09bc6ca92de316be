import { toAppError } from '../../../../core/errors/errors.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { toPublicMessage } from '../../../../http/errors/wire-errors.ts';
import { parseCursor } from '../../../../http/transport/cursor.ts';
import { type ClientSocket, closeCodes, type JsonObject } from '../../../../http/transport/ws-socket.ts';
import { describeRoute, findChat, type OpencodexDeps, readClientPathContext } from '../context.ts';
import { toIsoTime } from '../names.ts';
import { ChatParams, StreamMessageBody, StreamQuery } from '../schemas.ts';
import { FrameTranslator } from './frames.ts';
import type { MessageListTracker } from './list-answers.ts';
import { isAnswerEvent, readRunEventsUpTo } from './message-ids.ts';

export function mountStream(deps: OpencodexDeps, lists: MessageListTracker): void {
  deps.sockets.route({
    path: '/api/v1/chats/:sid/stream',
    params: ChatParams,
    query: StreamQuery,
    doc: describeRoute('Stream', 'Follow a chat session, and talk to it', {
      description:
        'Frames: user_text_block, title_updated, start (resuming_stream for a client that joins a run), chunk, action, observation, end, error, resync. Accepts ' +
        '{type: "message", content, mode?}, {type: "cancel"} (or "stop"), {type: "ping"}.',
      fails: [404],
    }).config.doc,
    async open(socket, { params, query, caller }) {
      const complain = (text: string) =>
        socket.sendJson({ type: 'error', content: text, message: text, timestamp: toIsoTime(deps.clock.now()) });
      const chat = findChat(deps, params.sid);
      // Frames may arrive with the upgrade, before the session is found.
      socket.onJson(
        async (frame) => {
          const session = await chat.catch(() => undefined);
          if (session) await take({ deps, socket, session, complain }, frame);
        },
        () => complain('Invalid JSON'),
      );
      try {
        const session = await chat;
        const cursor = parseCursor(query.after_seq);
        const place = await findPosition(deps, session.id, cursor);
        const isFirst = deps.profile === 'first' && place.working !== undefined;
        const listed = isFirst ? await lists.loaded({ chat: params.sid, caller }, socket.closed) : undefined;
        await follow(
          deps,
          socket,
          session,
          isFirst ? await findPositionAfter(deps, session.id, { place, listed }) : place,
        );
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.code !== 'not_found' && error.code !== 'invalid_request') throw thrown;
        complain(toPublicMessage(error));
        socket.close(closeCodes.refused, toPublicMessage(error));
      }
    },
  });
}

interface StreamPosition {
  readonly head: number;
  readonly after: number;
  /** The position before the message in progress. Undefined if there is none, or if the client sent a cursor. */
  readonly working: number | undefined;
}
async function findPosition(deps: OpencodexDeps, id: SessionId, cursor?: number): Promise<StreamPosition> {
  const { head } = await deps.services.sessions.page(id, Number.MAX_SAFE_INTEGER, 1);
  const working = cursor === undefined ? await startOfMessage(deps, id, head) : undefined;
  return { head, after: cursor ?? working ?? head, working };
}

/** A position that includes messages completed after the list was read. */
async function findPositionAfter(
  deps: OpencodexDeps,
  id: SessionId,
  { place, listed }: { readonly place: StreamPosition; readonly listed: number | undefined },
): Promise<StreamPosition> {
  const now = await findPosition(deps, id);
  if (now.working === place.working) return now;
  const after = listed ?? place.head;
  const { events } = await deps.services.sessions.page(id, after, 500);
  const isMissing = events.some(({ type }) => type === 'run.end' || type === 'run.wait');
  return isMissing ? place : { head: now.head, after, working: undefined };
}

async function follow(
  deps: OpencodexDeps,
  socket: ClientSocket,
  session: SessionRecord,
  place: StreamPosition,
): Promise<void> {
  const { sessions } = deps.services;
  const { id } = session;
  const { head, after, working } = place;
  const frames = new FrameTranslator(await readClientPathContext(deps, session));
  if (working !== undefined && deps.profile === 'current') frames.joinUpTo(head);
  frames.skip(await readRunEventsUpTo(deps, id, Math.min(after, head)), after);
  for await (const item of sessions.follow(id, after, { signal: socket.closed, deltas: true })) {
    if (item.kind === 'resync') {
      socket.sendJson(resync(item, deps.clock.now()));
      frames.skip(await readRunEventsUpTo(deps, id, item.head), item.head);
      continue;
    }
    const created = item.events
      .flatMap((event) => frames.of(event) ?? [])
      .map((frame) => Buffer.from(JSON.stringify(frame)));
    if (item.events.some(({ seq }) => seq <= head)) await socket.sendHistory(created);
    else socket.sendFrames(created);
  }
  socket.close(closeCodes.sessionDeleted, 'The chat session was deleted');
}

/** Waiting runs need no position: the message lists contain them. */
async function startOfMessage(deps: OpencodexDeps, id: SessionId, head: number): Promise<number | undefined> {
  const active = await deps.services.sessions.activeRun(id);
  if (!active || active.waiting) return undefined;
  const answer = (await readRunEventsUpTo(deps, id, head)).findLast(
    (event) => event.runId === active.runId && isAnswerEvent(event),
  );
  return (answer?.seq ?? active.startedSeq) - 1;
}

function resync(
  { reason, oldest, head }: { reason: string; oldest: number; head: number },
  now: number,
): Record<string, unknown> {
  return {
    type: 'resync',
    reason,
    oldest_seq: oldest,
    latest_seq: head,
    seq: head,
    content: '',
    timestamp: toIsoTime(now),
  };
}

interface MessageIntake {
  readonly deps: OpencodexDeps;
  readonly socket: ClientSocket;
  readonly session: SessionRecord;
  readonly complain: (text: string) => void;
}

/** Failures are sent as frames; the connection stays open. */
async function take({ deps, socket, session, complain }: MessageIntake, frame: JsonObject): Promise<void> {
  const { sessions } = deps.services;
  try {
    switch (frame.type) {
      case 'message': {
        const message = StreamMessageBody.safeParse(frame);
        if (!message.success) return complain(whatIsWrong(message.error.issues[0]));
        const { content, mode } = message.data;
        await sessions.send(session.id, { text: content, mode: mode ?? 'queue' });
        return undefined;
      }
      case 'cancel':
      case 'stop':
        await sessions.stop(session.id);
        return undefined;
      case 'ping':
        return socket.sendJson({ type: 'pong', timestamp: toIsoTime(deps.clock.now()) });
      default:
        return complain(`Unknown message type: ${String(frame.type).slice(0, 100)}`);
    }
  } catch (thrown) {
    complain(toPublicMessage(toAppError(thrown)));
  }
}

const whatIsWrong = (issue: { code: string; path: PropertyKey[]; message: string } | undefined): string =>
  issue?.path[0] === 'content' && issue.code !== 'too_big'
    ? 'content must be a non-empty string'
    : `${String(issue?.path[0])}: ${issue?.message}`;
