import type { SessionEvent } from '../../../../core/model/events.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { App } from '../../../../http/routes/routes.ts';
import type { SideMessage } from '../../../../sessions/services/side-messages.ts';
import { isActionEvent, toAction, toActions } from '../actions.ts';
import {
  actionNotFoundError,
  blockNotFoundError,
  describeRoute,
  findChat,
  ignoreAnyNotFound,
  type OpencodexDeps,
  readClientPathContext,
  readSessionEvents,
} from '../context.ts';
import { parsePositionId } from '../ids.ts';
import type { Message } from '../replies/conversation.ts';
import * as replies from '../replies/conversation.ts';
import { BlockParams, ChatParams, IdParams, NewMessage, PageQuery } from '../schemas.ts';
import { toBlocks } from './blocks.ts';
import type { MessageListTracker } from './list-answers.ts';
import { MessageIdResolver, readRunEventsUpTo } from './message-ids.ts';
import { type PositionedMessage, toMessage, toMessages } from './messages.ts';
import { toNewestPage, toPage } from './paging.ts';

const chat = '/api/v1/chats/:sid';

export function mountConversation(app: App, deps: OpencodexDeps, lists: MessageListTracker): void {
  app.get(
    `${chat}/messages`,
    describeRoute('ListMessages', 'List the messages of a chat session, oldest first', {
      schema: { params: ChatParams, querystring: PageQuery, response: { 200: replies.messagesReply } },
      description: 'The text of one run is one message. Without `skip` and `limit`: the newest 500.',
      fails: [404, 422],
    }),
    async ({ params, query, caller }, reply) => {
      const answered = lists.recordRequest({ chat: params.sid, caller });
      let head: number | undefined;
      reply.raw.once('close', () => answered(reply.raw.writableFinished ? head : undefined));
      const session = await findChat(deps, params.sid);
      const events = await readSessionEvents(deps, session);
      head = events.at(-1)?.seq ?? 0;
      const { items, total } = toNewestPage(await conversation(deps, session, events), query);
      return { messages: items, total };
    },
  );
  app.post(
    `${chat}/messages`,
    describeRoute('CreateMessage', 'Send a message', {
      schema: { params: ChatParams, body: NewMessage, response: { 201: replies.messageReply } },
      config: { once: 201 },
      bodyExample: { content: replies.exampleText },
      fails: [404, 409, 413, 422],
    }),
    async ({ params, body: { content, role, message_metadata, mode } }) => {
      const session = await findChat(deps, params.sid);
      const metadata = message_metadata ?? {};
      if (role === 'assistant' || role === 'system')
        return await keepAside(deps, session, { role, text: content, metadata });
      return await send(deps, session, { text: content, mode: mode ?? 'queue', metadata });
    },
  );
  mountBlocks(app, deps);
  mountActions(app, deps);
}

function mountBlocks(app: App, deps: OpencodexDeps): void {
  const blocks = async (sid: string) => {
    const session = await findChat(deps, sid);
    return toBlocks(await readSessionEvents(deps, session), await readClientPathContext(deps, session));
  };
  app.get(
    `${chat}/blocks`,
    describeRoute('ListBlocks', 'List the blocks of a conversation', {
      schema: { params: ChatParams, querystring: PageQuery, response: { 200: replies.blocksReply } },
      description: 'An active run shows only the messages of its users. Without `skip` and `limit`: the newest 500.',
      fails: [404, 422],
    }),
    async ({ params, query }) => {
      const { items, total } = toNewestPage(await blocks(params.sid), query);
      return { blocks: items, total };
    },
  );
  app.get(
    `${chat}/blocks/:id`,
    describeRoute('GetBlock', 'Get a block of a conversation', {
      schema: { params: BlockParams, response: { 200: replies.blockReply } },
      fails: [404],
    }),
    async ({ params }) => {
      const found = (await blocks(params.sid)).find(({ id }) => id === params.id);
      if (!found) throw blockNotFoundError(params.id);
      return found;
    },
  );
}

function mountActions(app: App, deps: OpencodexDeps): void {
  app.get(
    `${chat}/agent-actions`,
    describeRoute('ListAgentActions', 'List the actions of the agent, oldest first', {
      schema: { params: ChatParams, querystring: PageQuery, response: { 200: replies.actionsReply } },
      fails: [404, 422],
    }),
    async ({ params, query }) => {
      const session = await findChat(deps, params.sid);
      const { items, total } = toPage(
        toActions(await readSessionEvents(deps, session), await readClientPathContext(deps, session)),
        query,
      );
      return { agent_actions: items, total };
    },
  );
  app.get(
    '/api/v1/agent-actions/:id',
    describeRoute('GetAgentAction', 'Get an action of the agent', {
      schema: { params: IdParams, response: { 200: replies.actionReply } },
      fails: [404],
    }),
    async ({ params }) => {
      const found = await findAction(deps, params.id);
      if (!found) throw actionNotFoundError(params.id);
      return found;
    },
  );
}

async function conversation(
  deps: OpencodexDeps,
  session: SessionRecord,
  events: readonly SessionEvent[],
): Promise<Message[]> {
  const { sideMessages } = deps;
  const [aside, notes] = await Promise.all([sideMessages.list(session.id), sideMessages.annotations(session.id)]);
  const all = toMessages(events, await readClientPathContext(deps, session));
  const rows = deps.profile === 'first' ? all.filter(isWritten) : all;
  const noted = rows.map(({ seq, message }) => {
    const message_metadata = { ...notes.get(message.id), ...message.message_metadata };
    return { seq, message: { ...message, message_metadata } };
  });
  const besides = aside.map((one) => ({ seq: one.afterSeq + 0.5, message: asideView(session, one) }));
  return [...noted, ...besides].sort((a, b) => a.seq - b.seq).map(({ message }) => message);
}

/** Excludes empty assistant messages, because the oldest front end itself creates a bubble for a joined run. */
const isWritten = ({ message }: PositionedMessage): boolean => message.role !== 'assistant' || message.content !== '';

const asideView = (session: SessionRecord, { id, role, text, metadata, at }: SideMessage): Message =>
  toMessage(session.id, at, { id, role, content: text, metadata });

async function keepAside(
  deps: OpencodexDeps,
  session: SessionRecord,
  message: Pick<SideMessage, 'role' | 'text' | 'metadata'>,
): Promise<Message> {
  const { head } = await deps.services.sessions.page(session.id, Number.MAX_SAFE_INTEGER, 1);
  return asideView(session, await deps.sideMessages.add(session.id, { ...message, afterSeq: head }));
}

interface MessageToSend {
  readonly text: string;
  readonly mode: 'inject' | 'queue' | 'replace';
  readonly metadata: Record<string, unknown>;
}
async function send(
  deps: OpencodexDeps,
  { id }: SessionRecord,
  { text, mode, metadata }: MessageToSend,
): Promise<Message> {
  const { messageId, seq } = await deps.services.sessions.send(id, { text, mode });
  if (Object.keys(metadata).length > 0) await deps.sideMessages.annotate(id, messageId, metadata);
  const { events } = await deps.services.sessions.page(id, seq - 1, 1);
  const at = events[0]?.ts ?? deps.clock.now();
  return toMessage(id, at, { id: messageId, role: 'user', content: text, metadata });
}

async function messageAt(deps: OpencodexDeps, event: SessionEvent): Promise<string> {
  const messageIds = new MessageIdResolver();
  for (const before of await readRunEventsUpTo(deps, event.sessionId, event.seq)) messageIds.of(before);
  return messageIds.of(event);
}

async function findAction(deps: OpencodexDeps, id: string) {
  const place = parsePositionId('action', id);
  const session = place && (await findChat(deps, place.session).catch(ignoreAnyNotFound));
  if (!place || !session) return undefined;
  const { sessions } = deps.services;
  const [call] = (await sessions.page(session.id, place.seq - 1, 1)).events;
  if (call?.seq !== place.seq || !isActionEvent(call)) return undefined;
  const view = await readClientPathContext(deps, session);
  const message = await messageAt(deps, call);
  if (call.type === 'tool.called') return toAction({ call, result: call, message }, view);
  for (let after = call.seq; ; ) {
    const { events } = await sessions.page(session.id, after, 500);
    for (const event of events) {
      if (event.runId !== call.runId) continue;
      if (event.type === 'tool.called' && event.data.callId === call.data.callId) {
        return toAction({ call, result: event, message }, view);
      }
      if (event.type === 'run.end') return toAction({ call, result: undefined, message }, view);
    }
    const last = events.at(-1);
    if (!last) return toAction({ call, result: undefined, message }, view);
    after = last.seq;
  }
}
