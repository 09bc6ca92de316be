import type { SessionEvent } from '../../../../core/model/events.ts';
import { isActionEvent, ToolCallPairer, toAction } from '../actions.ts';
import { derivePositionId } from '../ids.ts';
import { type ClientPathContext, toIsoTime } from '../names.ts';
import type { Action, Message } from '../replies/conversation.ts';
import { isAnswerEvent, MessageIdResolver } from './message-ids.ts';

export interface PositionedMessage {
  readonly seq: number;
  readonly message: Message;
}

/** A run's text between two user messages; in an active run, up to its last wait. */
class RunMessage {
  readonly #texts: string[] = [];
  readonly #uses = new ToolCallPairer();
  #shown: { text: string; actions: Action[] } = { text: '', actions: [] };
  #streaming = true;
  readonly firstEvent: SessionEvent;
  readonly #id: string;
  hasEnded = false;

  constructor(firstEvent: SessionEvent, id: string) {
    this.firstEvent = firstEvent;
    this.#id = id;
  }

  take(event: SessionEvent, view: ClientPathContext): void {
    if (event.type === 'message.assistant' && event.data.text !== '') this.#texts.push(event.data.text);
    isActionEvent(event) ? this.#uses.add(event) : this.#uses.pass(event);
    if (event.type === 'run.resumed') this.#streaming = true;
    if (event.type !== 'run.wait' && event.type !== 'run.end') return;
    this.#streaming = false;
    this.hasEnded = event.type === 'run.end';
    const done = this.#uses.all.filter(({ result }) => result !== undefined);
    this.#shown = {
      text: this.#texts.join('\n\n'),
      actions: done.map((use) => toAction(use, view)),
    };
  }

  close(): void {
    this.hasEnded = true;
  }

  get isShown(): boolean {
    return !this.hasEnded || this.#shown.text !== '';
  }

  row(): PositionedMessage {
    const { sessionId, ts, seq } = this.firstEvent;
    const { text: content, actions } = this.#shown;
    const metadata = this.#streaming ? { streaming: true } : {};
    return { seq, message: toMessage(sessionId, ts, { id: this.#id, role: 'assistant', content, metadata, actions }) };
  }
}

/** Oldest first. */
export function toMessages(events: Iterable<SessionEvent>, view: ClientPathContext): PositionedMessage[] {
  const rows: (PositionedMessage | RunMessage)[] = [];
  const runs = new Map<string, RunMessage>();
  const messageIds = new MessageIdResolver();
  for (const event of events) {
    if (event.type === 'message.user') rows.push(userRow(event));
    const key = `${event.runId}`;
    const id = messageIds.of(event);
    if (isAnswerEvent(event)) runs.get(key)?.close();
    if (event.type === 'run.started' || isAnswerEvent(event) || (!runs.has(key) && isOfRun(event))) {
      const run = new RunMessage(event, id);
      runs.set(key, run);
      rows.push(run);
    }
    runs.get(key)?.take(event, view);
    if (event.type === 'run.error') rows.push(errorRow(event));
  }
  return rows.flatMap((row) => (row instanceof RunMessage ? (row.isShown ? [row.row()] : []) : [row]));
}

/** Recognizes a run by its output, in case the log dropped the run's beginning. */
const isOfRun = (event: SessionEvent): boolean => event.type === 'message.assistant' || isActionEvent(event);

function errorRow({ seq, sessionId, ts, data }: Extract<SessionEvent, { type: 'run.error' }>): PositionedMessage {
  const id = derivePositionId('error', { session: sessionId, seq });
  return {
    seq,
    message: toMessage(sessionId, ts, { id, role: 'assistant', content: data.error, metadata: { error: true } }),
  };
}

function userRow({ seq, sessionId, ts, data }: Extract<SessionEvent, { type: 'message.user' }>): PositionedMessage {
  return { seq, message: toMessage(sessionId, ts, { id: data.messageId, role: 'user', content: data.text }) };
}

interface MessageParts extends Pick<Message, 'id' | 'role' | 'content'> {
  readonly metadata?: Message['message_metadata'];
  readonly actions?: Action[];
}

export const toMessage = (
  session: string,
  ms: number,
  { id, role, content, metadata = {}, actions = [] }: MessageParts,
): Message => ({
  id,
  chat_session_id: session,
  role,
  content,
  message_metadata: metadata,
  created_at: toIsoTime(ms),
  agent_actions: actions,
});
