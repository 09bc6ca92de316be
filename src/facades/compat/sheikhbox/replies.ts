import { z } from 'zod';
import { ForkFilesStatus } from '../../../core/model/events.ts';
import { GoalAssessment } from '../../../core/model/runs/goal.ts';
import { negotiatedReply, type ReplyDoc } from '../../../http/routes/route-docs.ts';
import { envelopeReply } from '../../shared/envelope.ts';
import { SseEvent } from './stream/sse-events.ts';

const sid = '5f2a0c9be41d7733';
const status = z.enum(['pending', 'running', 'waiting', 'completed', 'active']);
export type SheikhboxStatus = z.output<typeof status>;

const marks = {
  is_shared: z.boolean(),
  is_favorite: z.boolean(),
  is_pinned: z.boolean(),
  project_id: z.string().nullable(),
};
const noMarks = { is_shared: false, is_favorite: false, is_pinned: false, project_id: null };

const ListItem = z.object({
  session_id: z.string(),
  title: z.string(),
  latest_message: z.string().max(1000),
  latest_message_at: z.int(),
  status,
  unread_message_count: z.int(),
  ...marks,
});
export type SessionListItem = z.output<typeof ListItem>;
const item: SessionListItem = {
  session_id: sid,
  title: 'Say hi',
  latest_message: 'Done.',
  latest_message_at: 1735689601,
  status: 'completed',
  unread_message_count: 0,
  ...noMarks,
};
export const sessionsReply = envelopeReply(z.object({ sessions: z.array(ListItem) }), { sessions: [item] });
export const createdSessionReply = envelopeReply(z.object({ session_id: z.string() }), { session_id: sid });
const Forked = z.object({
  session_id: z.string(),
  forked_from: z.object({ session_id: z.string(), seq: z.int(), files: ForkFilesStatus }),
});
export const forkedSessionReply = envelopeReply(Forked, {
  session_id: '71c0f2d95a3be846',
  forked_from: { session_id: sid, seq: 20, files: 'kept' },
});
const Edited = z.object({
  session_id: z.string(),
  branch: z.object({ session_id: z.string(), seq: z.int() }),
  files: ForkFilesStatus,
  run_id: z.string(),
});
export const editedMessageReply = envelopeReply(Edited, {
  session_id: '71c0f2d95a3be846',
  branch: { session_id: sid, seq: 21 },
  files: 'kept',
  run_id: 'run_5f0c1d2e3a4b',
});
export const emptyReply = envelopeReply(z.null(), null);

const history = { session_id: z.string(), title: z.string(), status, events: z.array(SseEvent) };
const Session = z.object({
  ...history,
  ...marks,
  goal: GoalAssessment.optional().describe('what became of the goal of its last run; absent where that had none'),
});
export type SheikhboxSession = z.output<typeof Session>;
const replies: SseEvent[] = [{ event: 'title', data: { event_id: '3', timestamp: 1735689600, title: 'Say hi' } }];
export const sessionReply = envelopeReply(Session, {
  session_id: sid,
  title: 'Say hi',
  status: 'completed',
  events: replies,
  ...noMarks,
});
export const sharedSessionReply = envelopeReply(z.object({ ...history, is_shared: z.literal(true) }), {
  session_id: sid,
  title: 'Say hi',
  status: 'completed',
  events: replies,
  is_shared: true,
});

export const titleReply = envelopeReply(z.object({ session_id: z.string(), title: z.string() }), {
  session_id: sid,
  title: 'Say hi',
});
const Favorite = z.object({ session_id: z.string(), is_favorite: z.boolean() });
export const favoriteReply = (is_favorite: boolean) => envelopeReply(Favorite, { session_id: sid, is_favorite });
export const pinReply = envelopeReply(z.object({ session_id: z.string(), is_pinned: z.boolean() }), {
  session_id: sid,
  is_pinned: true,
});
const Share = z.object({ session_id: z.string(), is_shared: z.boolean() });
export const shareReply = (is_shared: boolean) => envelopeReply(Share, { session_id: sid, is_shared });

const SseMessage = z.object({ id: z.string().optional(), event: z.string(), data: z.string() });
const sse = (description: string, example: string): ReplyDoc => ({
  description,
  content: { 'text/event-stream': { schema: SseMessage, example } },
});
const lines = (event: string, data: object) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
const title = `id: 3\n${lines('title', { event_id: '3', timestamp: 1735689600, title: 'Say hi' })}`;
const end = `id: 20\n${lines('done', { event_id: '20', timestamp: 1735689601 })}`;
export const chatStreamReply = sse('Events until the run ends or waits', `: connected\n\n${title}${end}`);
export const eventStreamReply = sse('Events until the session is deleted', `: connected\n\n${title}`);
export const sessionListStreamReply = sse(
  'The list, once per change',
  `: connected\n\n${lines('sessions', { sessions: [item] })}`,
);

const Shell = z.object({
  output: z.string(),
  session_id: z.string(),
  console: z.array(z.object({ ps1: z.string(), command: z.string(), output: z.string() })),
});
export type ShellPanelContent = z.output<typeof Shell>;
const shownShell: ShellPanelContent = {
  output: 'hi\n',
  session_id: 'main',
  console: [{ ps1: 'corral:~$ ', command: 'echo hi', output: 'hi\n' }],
};
const File = z.object({ content: z.string(), file: z.string() });
export type FilePanelContent = z.output<typeof File>;
const shownFile: FilePanelContent = { content: 'hi\n', file: '/workspace/notes.md' };
const streamed = (event: string, shown: object) => sse('', `: connected\n\n${lines(event, shown)}`);
export const shellReply = negotiatedReply(envelopeReply(Shell, shownShell), streamed('shell', shownShell));
export const fileReply = negotiatedReply(envelopeReply(File, shownFile), streamed('file', shownFile));
