import type { SessionEvent } from '../../core/events.ts';
import { type Action, actionOf, isAction, ToolUses } from './actions.ts';
import { iso, type View } from './names.ts';

export interface Message {
  readonly id: string;
  readonly chat_session_id: string;
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string;
  readonly message_metadata: Readonly<Record<string, unknown>>;
  readonly created_at: string;
  readonly agent_actions: readonly Action[];
}
/** A row and where it stands. */
export interface PlacedMessage {
  readonly seq: number;
  readonly message: Message;
}

/** All that one run said and did is one message; while it works, only what was there when it last waited is shown. */
class RunRow {
  readonly #texts: string[] = [];
  readonly #uses = new ToolUses();
  #shown: { text: string; actions: readonly Action[] } = { text: '', actions: [] };
  #streaming = true;
  readonly begun: SessionEvent;
  hasEnded = false;

  constructor(begun: SessionEvent) {
    this.begun = begun;
  }

  take(event: SessionEvent, view: View): void {
    if (event.type === 'message.assistant' && event.data.text !== '') this.#texts.push(event.data.text);
    if (isAction(event)) this.#uses.add(event);
    if (event.type === 'run.resumed') this.#streaming = true;
    if (event.type !== 'run.wait' && event.type !== 'run.end') return;
    this.#streaming = false;
    this.hasEnded = event.type === 'run.end';
    const done = this.#uses.all.filter(({ result }) => result !== undefined);
    this.#shown = {
      text: this.#texts.join('\n\n'),
      actions: done.map(({ call, result }) => actionOf(call, result, view)),
    };
  }

  get isShown(): boolean {
    return !this.hasEnded || this.#shown.text !== '';
  }

  row(): PlacedMessage {
    const { runId, sessionId, ts, seq } = this.begun;
    const message: Message = {
      id: `${runId}`,
      chat_session_id: sessionId,
      role: 'assistant',
      content: this.#shown.text,
      message_metadata: this.#streaming ? { streaming: true } : {},
      created_at: iso(ts),
      agent_actions: this.#shown.actions,
    };
    return { seq, message };
  }
}

/** The rows of a conversation, oldest first: each message of a user, and one for each run that began. */
export function messagesOf(events: Iterable<SessionEvent>, view: View): PlacedMessage[] {
  const rows: (PlacedMessage | RunRow)[] = [];
  const runs = new Map<string, RunRow>();
  for (const event of events) {
    if (event.type === 'message.user') rows.push(userRow(event));
    const key = `${event.runId}`;
    if (event.type === 'run.started' || (!runs.has(key) && isOfRun(event))) {
      const run = new RunRow(event);
      runs.set(key, run);
      rows.push(run);
    }
    runs.get(key)?.take(event, view);
  }
  return rows.flatMap((row) => (row instanceof RunRow ? (row.isShown ? [row.row()] : []) : [row]));
}

/** A long run may be all that is left of its log: its beginning is gone then. */
const isOfRun = (event: SessionEvent): boolean => event.type === 'message.assistant' || isAction(event);

function userRow({ seq, sessionId, ts, data }: Extract<SessionEvent, { type: 'message.user' }>): PlacedMessage {
  const message: Message = {
    id: data.messageId,
    chat_session_id: sessionId,
    role: 'user',
    content: data.text,
    message_metadata: {},
    created_at: iso(ts),
    agent_actions: [],
  };
  return { seq, message };
}
