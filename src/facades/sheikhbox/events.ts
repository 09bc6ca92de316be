import type { FactOf, SessionEvent, ToolContent } from '../../core/events.ts';
import type { Followed } from '../../core/ports.ts';
import { bareInfo, type FileInfo } from './file-infos.ts';

// Core events as frames of SheikhBox. An event gives at most one frame, so a cursor never falls between two.

export type Profile = 'current' | 'v2.0';
export interface SseEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}
type InfoOf = (file: string, at: number) => FileInfo;
type Tool = FactOf<'tool.calling'> | FactOf<'tool.called'>;

/** The frame of an event, for streams and the history; undefined for an event that is not shown. */
export function toSheikhbox(event: SessionEvent, profile: Profile, infoOf: InfoOf = bareInfo): SseEvent | undefined {
  const say = (name: string, data: Record<string, unknown> = {}): SseEvent => ({
    event: name,
    data: { event_id: String(event.seq), timestamp: epoch(event.ts), ...data },
  });
  switch (event.type) {
    case 'message.user':
    case 'message.assistant': {
      const role = event.type === 'message.user' ? 'user' : 'assistant';
      const attachments = event.data.attachments.map((file) => infoOf(file, event.ts));
      return say('message', {
        role,
        content: event.data.text,
        attachments: attachments.length > 0 ? attachments : null,
      });
    }
    case 'title':
      return say('title', { title: event.data.title });
    case 'plan':
      return say('plan', {
        steps: event.data.steps.map(({ id, description, status }) => ({ id, description, status })),
      });
    case 'step': {
      const { id, description, status } = event.data;
      return say('step', { id, description, status });
    }
    case 'tool.calling':
    case 'tool.called':
      return isShown(event, profile) ? say('tool', toolData(event)) : undefined;
    case 'run.wait':
      return say('wait');
    case 'run.error':
      return say('error', { error: event.data.error });
    case 'run.end':
      return event.data.status === 'failed' ? undefined : say('done'); // the `error` event reported a failure already
    default:
      return undefined;
  }
}

/** Tells a client to load the history again, and the id from which the stream continues. */
export function resyncEvent(resync: Extract<Followed, { kind: 'resync' }>, now: number): SseEvent {
  return {
    event: 'resync',
    data: {
      event_id: String(resync.head),
      timestamp: epoch(now),
      reason: resync.reason === 'cursor_ahead' ? 'cursor_ahead' : 'cursor_too_old',
      oldest_event_id: String(resync.oldest),
      latest_event_id: String(resync.head),
    },
  };
}

export const epoch = (ms: number): number => Math.floor(ms / 1000);

/** The page of v2.0 adds a row for every event, so it gets only one event of each pair. */
function isShown({ type, data }: Tool, profile: Profile): boolean {
  if (data.function === 'message_ask_user') return false; // the question is a message, then `wait`
  if (profile === 'current') return true;
  if (data.tool === 'mcp') return false;
  return type === (data.tool === 'search' ? 'tool.called' : 'tool.calling');
}

function toolData({ type, data }: Tool): Record<string, unknown> {
  const called = type === 'tool.called';
  const content = called ? toContent(data.tool, data.content) : null;
  return {
    tool_call_id: data.callId,
    name: data.tool,
    status: called ? 'called' : 'calling',
    function: data.function,
    args: data.args,
    content,
    // v2.0.0 reads the results from this field.
    ...(called && data.tool === 'search' && { result: { success: data.success, data: content ?? { results: [] } } }),
  };
}

function toContent(tool: Tool['data']['tool'], content: ToolContent | null): object | null {
  if (content === null || tool === 'message') return null;
  if ('oldContent' in content) return { content: content.content, old_content: content.oldContent };
  return content;
}
