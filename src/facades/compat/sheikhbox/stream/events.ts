import type { LogUpdate } from '../../../../core/contracts/ports.ts';
import { isHiddenEvent } from '../../../../core/model/event-traits.ts';
import type { FactOf, SessionEvent, ToolContent } from '../../../../core/model/events.ts';
import { createFileInfoFromPath } from '../files/file-infos.ts';
import type { FileInfo } from '../files/file-replies.ts';
import type { SseEvent } from './sse-events.ts';

// Each core event becomes at most one SheikhBox frame, so a cursor never splits an event.

export type SheikhboxProfile = 'current' | 'v2.0';
type InfoOf = (file: string, at: number) => FileInfo;
type ToolData = Extract<SseEvent, { event: 'tool' }>['data'];
type Tool = FactOf<'tool.calling'> | FactOf<'tool.called'>;

export function toSheikhboxEvent(
  event: SessionEvent,
  profile: SheikhboxProfile,
  infoOf: InfoOf = createFileInfoFromPath,
): SseEvent | undefined {
  if (isHiddenEvent(event)) return undefined;
  const stamp = { event_id: String(event.seq), timestamp: toEpochSeconds(event.ts) };
  switch (event.type) {
    case 'message.user':
    case 'message.assistant': {
      const role = event.type === 'message.user' ? 'user' : 'assistant';
      const infos = event.data.attachments.map((file) => infoOf(file, event.ts));
      const attachments = infos.length > 0 ? infos : null;
      return { event: 'message', data: { ...stamp, role, content: event.data.text, attachments } };
    }
    case 'title':
      return { event: 'title', data: { ...stamp, title: event.data.title } };
    case 'plan': {
      const steps = event.data.steps.map(({ id, description, status }) => ({ id, description, status }));
      return { event: 'plan', data: { ...stamp, steps } };
    }
    case 'step': {
      const { id, description, status } = event.data;
      return { event: 'step', data: { ...stamp, id, description, status } };
    }
    case 'tool.calling':
    case 'tool.called':
      return isShown(event, profile) ? { event: 'tool', data: { ...stamp, ...toolData(event) } } : undefined;
    case 'run.wait':
      return { event: 'wait', data: stamp };
    case 'run.error':
      return { event: 'error', data: { ...stamp, error: event.data.error } };
    case 'run.end':
      return event.data.status === 'failed' ? undefined : { event: 'done', data: stamp };
    case 'run.started':
    case 'message.delta':
    case 'run.resumed':
      return undefined;
    default:
      event satisfies never;
      return undefined;
  }
}

/** The client reloads the history and resumes after the event's own id. */
export function createResyncEvent(resync: Extract<LogUpdate, { kind: 'resync' }>, now: number) {
  return {
    event: 'resync',
    data: {
      event_id: String(resync.head),
      timestamp: toEpochSeconds(now),
      reason: resync.reason === 'cursor_ahead' ? 'cursor_ahead' : 'cursor_too_old',
      oldest_event_id: String(resync.oldest),
      latest_event_id: String(resync.head),
    },
  };
}

export const toEpochSeconds = (ms: number): number => Math.floor(ms / 1000);

const families = ['shell', 'file', 'browser', 'search', 'message'];
/** Maps families that this API lacks to `mcp`. */
const shownFamily = (family: string) => (families.includes(family) ? family : 'mcp');

/** The v2.0 page adds a row per event, so only one event of each call is shown. */
function isShown({ type, data }: Tool, profile: SheikhboxProfile): boolean {
  if (data.function === 'message_ask_user') return false; // sent as a message and a `wait` instead
  if (profile === 'current') return true;
  if (shownFamily(data.tool) === 'mcp') return false;
  return type === (data.tool === 'search' ? 'tool.called' : 'tool.calling');
}

function toolData({ type, data }: Tool): Omit<ToolData, 'event_id' | 'timestamp'> {
  const called = type === 'tool.called';
  const content = called ? toContent(data.tool, data.content) : null;
  return {
    tool_call_id: data.callId,
    name: shownFamily(data.tool),
    status: called ? 'called' : 'calling',
    function: data.function,
    args: data.args,
    content,
    // v2.0.0 reads results from this field.
    ...(called && data.tool === 'search' && { result: { success: data.success, data: content ?? { results: [] } } }),
  };
}

function toContent(tool: Tool['data']['tool'], content: ToolContent | null): Record<string, unknown> | null {
  if (content === null || tool === 'message') return null;
  // The front end shows only `result` for unknown families.
  if ('console' in content && shownFamily(tool) === 'mcp') return { result: content.console.at(-1)?.output ?? '' };
  if ('console' in content) return { console: content.console };
  if ('oldContent' in content) return { content: content.content, old_content: content.oldContent };
  return content;
}
