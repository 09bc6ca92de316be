import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { AppError, toAppError } from '../../../core/errors/errors.ts';
import type { SessionEvent } from '../../../core/model/events.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import { describeUpgradeFailures } from '../../../http/errors/failure-docs.ts';
import { toPublicMessage, wireErrors } from '../../../http/errors/wire-errors.ts';
import type { HttpLogger } from '../../../http/routes/observe.ts';
import type { RouteDoc } from '../../../http/routes/route-docs.ts';
import type { FacadeRoutes } from '../../../http/routes/routes.ts';
import { parseCursor } from '../../../http/transport/cursor.ts';
import { FrameCache } from '../../../http/transport/newest-frames.ts';
import type { SocketRequest, SocketServer } from '../../../http/transport/ws.ts';
import { type ClientSocket, closeCodes, type JsonObject } from '../../../http/transport/ws-socket.ts';
import type { SendMode, SessionService } from '../../../sessions/api/sessions.ts';
import type { FacadeDeps } from '../facade.ts';
import { createConversationFrame, createErrorFrame, createResyncFrame, toConversationFrame } from './frames.ts';
import type { ResumeKey, ResumePoints } from './resume-points.ts';
import { type ClientProfile, readTextDeliveryState, TextDeliveryTracker } from './text-flow.ts';

type ClientFrame =
  | { readonly kind: 'message'; readonly text: string; readonly mode: SendMode | undefined }
  | { readonly kind: 'stop' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'bad'; readonly message: string };

const maxText = 200_000;
const modes = new Set<unknown>(['inject', 'queue', 'replace']);

export function parseClientFrame({ type, content, mode }: JsonObject): ClientFrame {
  if (type === 'stop' || type === 'ping') return { kind: type };
  if (type !== undefined && type !== 'message') return bad(`Unknown message type: ${named(type)}`);
  if (typeof content !== 'string' || content.trim() === '') return bad('content must be a non-empty string');
  if (content.length > maxText) return bad(`content must have at most ${maxText} characters`);
  if (mode != null && !modes.has(mode)) return bad('mode must be inject, queue or replace');
  return { kind: 'message', text: content, mode: (mode ?? undefined) as SendMode | undefined };
}

const bad = (message: string): ClientFrame => ({ kind: 'bad', message });

const named = (type: unknown): string => {
  const text = typeof type === 'string' ? type : JSON.stringify(type);
  return text.length > 100 ? `${truncateEnd(text, 100)}…` : text;
};

export interface ConversationDeps extends Pick<FacadeDeps, 'clock' | 'logger'> {
  readonly sessions: SessionService;
  readonly rejoins: ResumePoints;
}
type ConversationRequest = Pick<SocketRequest<{ sid: string }, z.infer<typeof Query>>, 'params' | 'query' | 'caller'>;
interface ConversationStart {
  readonly session: SessionRecord;
  readonly workdir: string;
  readonly profile: ClientProfile;
  readonly after: number;
  /** The page has loaded the text and tool calls up to this seq; 0 means none. */
  readonly listedUpTo: number;
}
const brokenCode = 1006;

// Accepts any value, because the server reports an invalid one in a frame.
const Query = z.object({
  after_seq: z
    .unknown()
    .optional()
    .meta({ type: 'string', description: 'resume after this event; 0 replays the whole log' }),
  profile: z
    .unknown()
    .optional()
    .meta({ type: 'string', enum: ['crogia', 'cambioml'], description: 'how text is cut in frames' }),
  token: z.unknown().optional().meta({ type: 'string', description: 'for clients that cannot set a header' }),
});

const doc: RouteDoc = {
  operationId: 'conversationSocket',
  tag: 'Crogia',
  summary: 'A session’s events as they happen, and messages to it; shared with CambioML',
  description: [
    'Text frames of one JSON object; every frame has `type`, `session_id`, `timestamp` and `content`, and `seq` when it',
    'represents an event. The server sends `connection_established`, `task_started`, `text_delta`, `tool_call`,',
    '`tool_complete`, `task_completed`, `waiting`, `error`, `resync` and `pong`. The client sends `{content}` or',
    '`{type: "message", content, mode?}`, `{type: "stop"}` and `{type: "ping"}`. Without `after_seq` it begins with the',
    'active run, or now; a client that reconnects within a minute continues after its last frame. Closes with 1008 for an unknown session or a bad cursor, 4410 when the session is deleted.',
  ].join(' '),
  failures: describeUpgradeFailures([]),
};

export function createConversationRoutes(deps: ConversationDeps, sockets: SocketServer): FacadeRoutes {
  return {
    mount() {
      sockets.route({
        path: '/ws/:sid',
        params: z.object({ sid: z.string() }),
        query: Query,
        doc,
        open: (socket, request) => converse(socket, request, deps),
      });
    },
  };
}

async function converse(
  socket: ClientSocket,
  conversationRequest: ConversationRequest,
  deps: ConversationDeps,
): Promise<void> {
  const { sessions, clock, rejoins } = deps;
  const { sid } = conversationRequest.params;
  const client: ResumeKey = { session: sid, caller: conversationRequest.caller };
  // Client frames that arrive before the session is found must wait for this promise.
  const begun = begin(client, conversationRequest, deps);
  begun.catch(() => {});
  socket.onJson(
    async (input) => answer(socket, await begun, input, deps),
    () => begun.then(() => socket.sendJson(createErrorFrame(sid, clock.now(), 'Invalid JSON'))),
  );
  try {
    const { session, after, profile, workdir, listedUpTo } = await begun;
    const { id, lastSeq } = session;
    socket.sendJson(
      createConversationFrame('connection_established', id, clock.now(), { message: 'Connected', seq: lastSeq }),
    );
    let sent = after;
    socket.connection.once('close', (code) => {
      if (code === brokenCode && socket.connection.brokeEmpty && profile === 'crogia') rejoins.broke(client, sent);
    });
    let flow = new TextDeliveryTracker(profile, await readTextDeliveryState(sessions, id, after));
    for await (const item of sessions.follow(id, after, { signal: socket.closed, deltas: profile === 'crogia' })) {
      if (item.kind === 'resync') {
        socket.sendJson(createResyncFrame(id, clock.now(), item));
        flow = new TextDeliveryTracker(profile, await readTextDeliveryState(sessions, id, item.head));
        sent = item.head;
        continue;
      }
      const frames: Buffer[] = [];
      for (const event of item.events) {
        const how = flow.next(event);
        const isListed = inHistory.has(event.type) && event.seq <= listedUpTo;
        const frame = how === 'skip' || isListed ? undefined : encodeFrame(event, workdir, how);
        if (frame !== undefined) frames.push(frame);
      }
      const isHistory = item.events.some(({ seq }) => seq <= lastSeq);
      if (isHistory) await socket.sendHistory(frames);
      else socket.sendFrames(frames);
      if (!socket.closed.aborted) sent = item.events.at(-1)?.seq ?? sent;
    }
    socket.close(closeCodes.sessionDeleted);
  } catch (thrown) {
    refuse(socket, sid, thrown, deps);
  }
}

async function begin(
  client: ResumeKey,
  { params, query }: ConversationRequest,
  { sessions, rejoins }: ConversationDeps,
): Promise<ConversationStart> {
  const cursor = parseCursor(query.after_seq);
  const target = parseProfile(query.profile);
  const session = await sessions.get(toSessionId(params.sid));
  const active = await sessions.activeRun(session.id); // always called, because it rejects callers without permission
  const { workdir } = await sessions.sandbox(session.id);
  const profile = target ?? (session.origin === 'cambioml' ? 'cambioml' : 'crogia');
  // Only Crogia clients load the history, which omits a working run's text and tool calls.
  const left = cursor === undefined && profile === 'crogia' ? rejoins.take(client) : undefined;
  const isListed = cursor === undefined && left === undefined && profile === 'crogia' && active?.waiting === true;
  return {
    session,
    workdir,
    profile,
    listedUpTo: isListed ? session.lastSeq : 0,
    after: cursor ?? left ?? (active ? active.startedSeq - 1 : session.lastSeq),
  };
}

const inHistory = new Set<SessionEvent['type']>([
  ...(['message.delta', 'message.assistant', 'tool.calling', 'tool.called'] as const),
]);

function parseProfile(input: unknown): ClientProfile | undefined {
  if (input === undefined || input === '') return undefined;
  if (input === 'crogia' || input === 'cambioml') return input;
  throw new AppError('invalid_request', 'profile must be crogia or cambioml.');
}

async function answer(
  socket: ClientSocket,
  { session }: ConversationStart,
  jsonObject: JsonObject,
  deps: ConversationDeps,
): Promise<void> {
  const { sessions, clock, logger } = deps;
  const { id } = session;
  const clientFrame = parseClientFrame(jsonObject);
  try {
    switch (clientFrame.kind) {
      case 'message': {
        const mode = clientFrame.mode ?? (session.origin === 'cambioml' ? 'inject' : 'queue');
        await sessions.send(id, { text: clientFrame.text, mode });
        return;
      }
      case 'stop':
        await sessions.stop(id);
        return;
      case 'ping':
        return socket.sendJson(createConversationFrame('pong', id, clock.now()));
      case 'bad':
        return socket.sendJson(createErrorFrame(id, clock.now(), clientFrame.message));
    }
  } catch (thrown) {
    socket.sendJson(createErrorFrame(id, clock.now(), errorMessageOf(thrown, id, logger)));
  }
}

function refuse(socket: ClientSocket, sid: string, thrown: unknown, { clock, logger }: ConversationDeps): void {
  if (socket.closed.aborted) return;
  const error = toAppError(thrown);
  socket.sendJson(createErrorFrame(sid, clock.now(), errorMessageOf(error, sid, logger)));
  socket.close(wireErrors[error.code].ws);
}

function errorMessageOf(thrown: unknown, sid: string, logger: HttpLogger): string {
  const error = toAppError(thrown);
  if (error.code === 'session_not_found') return 'Session not found';
  if (wireErrors[error.code].http === 500) logger.error({ err: error.cause ?? error, session: sid }, 'a socket failed');
  return toPublicMessage(error);
}

const frames = {
  plain: new FrameCache<SessionEvent, Buffer | undefined>(),
  parted: new FrameCache<SessionEvent, Buffer | undefined>(),
};

function encodeFrame(event: SessionEvent, workdir: string, how: keyof typeof frames): Buffer | undefined {
  return frames[how].of(event, () => {
    const reply = toConversationFrame(event, workdir);
    const meant = reply && how === 'parted' ? { ...reply, content: `\n\n${reply.content}` } : reply;
    return meant && Buffer.from(JSON.stringify(meant));
  });
}
