import type { SessionRecord } from '../../../core/model/records.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import { toSuccessEnvelope } from '../../shared/envelope.ts';
import type { SheikhboxContext } from './context.ts';
import type { FileInfo } from './files/file-replies.ts';
import type { SessionListItem, SheikhboxSession, SheikhboxStatus } from './replies.ts';
import { type SheikhboxProfile, toEpochSeconds, toSheikhboxEvent } from './stream/events.ts';
import type { SseEvent } from './stream/sse-events.ts';

const shownChars = 1000;

const statusOf = ({ status }: SessionRecord, profile: SheikhboxProfile): SheikhboxStatus => {
  if (profile === 'current') return status;
  return status === 'running' ? 'active' : 'completed';
};

export const toSessionListItem = (session: SessionRecord, profile: SheikhboxProfile): SessionListItem => ({
  session_id: session.id,
  title: session.title,
  latest_message: truncateEnd(session.latestMessage, shownChars),
  latest_message_at: toEpochSeconds(session.latestMessageAt),
  status: statusOf(session, profile),
  unread_message_count: session.unread,
  ...marksOf(session),
});
const marksOf = ({ shared, favorite, pinned, projectId }: SessionRecord) => ({
  is_shared: shared,
  is_favorite: favorite,
  is_pinned: pinned,
  project_id: projectId,
});

export async function readSessionHistory(session: SessionRecord, context: ViewContext, linked: FileLinker) {
  const { profile } = context;
  const events: SseEvent[] = [];
  for await (const event of context.sessions.history(session.id)) {
    await context.infos.learn([event]);
    const reply = toSheikhboxEvent(event, profile, (file, at) => withLink(context.infos.get(file, at), linked));
    if (reply) events.push(withLinkedPicture(reply, linked));
  }
  return toView(session, profile, events);
}
const toView = (session: SessionRecord, profile: SheikhboxProfile, events: SseEvent[]): SheikhboxSession => ({
  session_id: session.id,
  title: session.title,
  status: statusOf(session, profile),
  events,
  ...marksOf(session),
  ...(session.outcome?.goal && { goal: session.outcome.goal }),
});

/** Joins cached JSON, because a history may be long. */
export async function readSessionHistoryJson(session: SessionRecord, context: SheikhboxContext): Promise<string> {
  const { sessions, infos, textOf, profile } = context;
  const texts: string[] = [];
  for (let after = 0, head = Number.POSITIVE_INFINITY; after < head; ) {
    const page = await sessions.page(session.id, after, pageSize);
    const learning = infos.learn(page.events);
    if (learning) await learning;
    for (const event of page.events) {
      const text = textOf(event);
      if (text !== '') texts.push(text);
    }
    head = page.head;
    after = page.events.at(-1)?.seq ?? head;
  }
  const [begin, end] = JSON.stringify(toSuccessEnvelope(toView(session, profile, []))).split(noEvents, 2);
  return `${begin}"events":[${texts.join(',')}]${end}`;
}
const pageSize = 500;
const noEvents = '"events":[]';

export async function readAttachments({ id }: SessionRecord, context: ViewContext, linked: FileLinker = asItIs) {
  const found = new Map<string, FileInfo>();
  for await (const event of context.sessions.history(id)) {
    if (event.type !== 'message.user' && event.type !== 'message.assistant') continue;
    await context.infos.learn([event]);
    for (const file of event.data.attachments) found.set(file, withLink(context.infos.get(file, event.ts), linked));
  }
  return [...found.values()];
}
type ViewContext = Pick<SheikhboxContext, 'sessions' | 'infos' | 'profile'>;
type FileLinker = (path: string) => string;
const asItIs: FileLinker = (path) => path;

const withLink = (info: FileInfo, linked: FileLinker): FileInfo =>
  info.file_url === '' ? info : { ...info, file_url: linked(info.file_url) };

function withLinkedPicture(sseEvent: SseEvent, linked: FileLinker): SseEvent {
  if (sseEvent.event !== 'tool' || typeof sseEvent.data.content?.screenshot !== 'string') return sseEvent;
  const content = { ...sseEvent.data.content, screenshot: linked(sseEvent.data.content.screenshot) };
  return { ...sseEvent, data: { ...sseEvent.data, content } };
}
