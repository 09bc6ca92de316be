import { toSessionId } from '../../../api/procedure/session-id.ts';
import { isHiddenEvent } from '../../../core/model/event-traits.ts';
import type { SessionEvent } from '../../../core/model/events.ts';
import { withErrorTexts } from '../../../http/errors/error-texts.ts';
import type { App } from '../../../http/routes/routes.ts';
import { translateToolCall } from '../../shared/conversation/tool-names.ts';
import { findActiveRunId } from '../../shared/working-run.ts';
import { type CrogiaDeps, describeRoute, wireErrorTexts } from './context.ts';
import type { HistoryItem, HistoryMessage } from './replies.ts';
import * as replies from './replies.ts';
import { SessionParams } from './schemas.ts';

// An active run contributes only user messages, because the socket delivers the rest.

export function toHistoryMessage(event: SessionEvent): HistoryMessage | undefined {
  if (event.type === 'run.error')
    return { type: 'ai', content: event.data.error, id: `${event.sessionId}-${event.seq}` };
  if (event.type !== 'message.user' && event.type !== 'message.assistant') return undefined;
  const { messageId, text } = event.data;
  return { type: event.type === 'message.user' ? 'human' : 'ai', content: text, id: messageId };
}

export function toHistoryItem(event: SessionEvent, workdir: string): HistoryItem | undefined {
  if (isHiddenEvent(event)) return undefined;
  switch (event.type) {
    case 'message.user':
      return { role: 'user', content: event.data.text };
    case 'message.assistant':
      return { role: 'assistant', content: [{ type: 'output_text', text: event.data.text }] };
    case 'run.error':
      return { role: 'assistant', content: [{ type: 'output_text', text: event.data.error }] };
    case 'tool.calling': {
      const { name, arguments: args } = translateToolCall(event.data.function, event.data.args, workdir);
      return { type: 'function_call', name, arguments: JSON.stringify(args), call_id: event.data.callId };
    }
    case 'tool.called':
      return { type: 'function_call_output', call_id: event.data.callId, output: event.data.output };
    case 'run.started':
    case 'title':
    case 'plan':
    case 'step':
    case 'message.delta':
    case 'run.wait':
    case 'run.resumed':
    case 'run.end':
      return undefined;
    default:
      event satisfies never;
      return undefined;
  }
}

/** Omits the text of questions, which the log also contains as calls. */
export class QuestionTextFilter {
  readonly #open = new Map<string, string>();

  /** Call with events in log order. Returns whether the event repeats a call's question. */
  repeats({ type, runId, data }: SessionEvent): boolean {
    const run = `${runId}`;
    if (type === 'tool.calling' && data.function === askUser && typeof data.args.text === 'string') {
      this.#open.set(run, data.args.text.trim());
    }
    if (type !== 'message.assistant' || this.#open.get(run) !== data.text.trim()) return false;
    return this.#open.delete(run);
  }
}
const askUser = 'message_ask_user';

export function mountHistory(app: App, { sessions, rejoins }: CrogiaDeps): void {
  app.get(
    '/api/sessions/:sid/conversation',
    describeRoute('Conversation', 'List the messages of a session', {
      schema: { params: SessionParams, response: { 200: replies.conversationReply } },
      fails: [404],
    }),
    ({ params, caller }) =>
      withErrorTexts(wireErrorTexts, async () => {
        const { id, lastTask } = await sessions.get(toSessionId(params.sid));
        rejoins.forget({ session: id, caller });
        const messages = await projected(sessions.history(id), toHistoryMessage);
        return { session_id: id, messages, last_task: lastTask, total_messages: messages.length };
      }),
  );
  app.get(
    '/api/sessions/:sid/conversation/full',
    describeRoute('FullConversation', 'List the messages, tool calls and outputs of a session', {
      schema: { params: SessionParams, response: { 200: replies.fullConversationReply } },
      fails: [404],
    }),
    ({ params }) =>
      withErrorTexts(wireErrorTexts, async () => {
        const { id, lastTask } = await sessions.get(toSessionId(params.sid));
        const { workdir } = await sessions.sandbox(id);
        const spoken = new QuestionTextFilter();
        const items = await projected(sessions.history(id), (event) =>
          spoken.repeats(event) ? undefined : toHistoryItem(event, workdir),
        );
        return { session_id: id, conversation_history: items, last_task: lastTask, total_items: items.length };
      }),
  );
}

async function projected<Out>(
  history: AsyncIterable<SessionEvent>,
  view: (event: SessionEvent) => Out | undefined,
): Promise<Out[]> {
  const events = await Array.fromAsync(history);
  const working = findActiveRunId(events);
  const isListed = ({ type, runId }: SessionEvent) =>
    type === 'message.user' || working === undefined || runId !== working;
  return events.filter(isListed).flatMap((event) => view(event) ?? []);
}
