import type { z } from 'zod';
import type { ResponseDoc, RouteDoc } from '../shared/routes.ts';
import {
  CreatedReply,
  DoneReply,
  FileReply,
  failures,
  ListReply,
  reply,
  SessionReply,
  ShellReply,
  sse,
} from './schemas.ts';

const tag = 'SheikhBox';
const sid = '5f2a0c9be41d7733';
const key = {
  'Idempotency-Key':
    '1 to 255 visible ASCII characters: a repeat with the same key and body gets the first answer again',
};
const marks = { is_shared: false, is_favorite: false, is_pinned: false, project_id: null };
const resume = { 'Last-Event-ID': 'resume after this event' };
const title = 'id: 3\nevent: title\ndata: {"event_id":"3","timestamp":1735689600,"title":"Say hi"}\n\n';
const done = 'id: 20\nevent: done\ndata: {"event_id":"20","timestamp":1735689601}\n\n';

export const createSession: RouteDoc = {
  operationId: 'sheikhboxCreateSession',
  tag,
  summary: 'Create a session and its sandbox',
  description: 'Any body is ignored. Answers before the sandbox is ready; the first use waits for it.',
  headers: key,
  responses: { 200: reply(CreatedReply, { session_id: sid }), ...failures(400, 409) },
};
export const listSessions: RouteDoc = {
  operationId: 'sheikhboxListSessions',
  tag,
  summary: 'List all sessions, the newest message first',
  responses: {
    200: reply(ListReply, {
      sessions: [
        {
          session_id: sid,
          title: 'Say hi',
          latest_message: 'Done.',
          latest_message_at: 1735689601,
          status: 'completed',
          unread_message_count: 0,
          ...marks,
        },
      ],
    }),
    ...failures(),
  },
};
export const getSession: RouteDoc = {
  operationId: 'sheikhboxGetSession',
  tag,
  summary: 'Get a session with its history',
  responses: {
    200: reply(SessionReply, {
      session_id: sid,
      title: 'Say hi',
      status: 'completed',
      events: [{ event: 'title', data: { event_id: '3', timestamp: 1735689600, title: 'Say hi' } }],
      ...marks,
    }),
    ...failures(404),
  },
};
export const deleteSession: RouteDoc = {
  operationId: 'sheikhboxDeleteSession',
  tag,
  summary: 'Delete a session, its sandbox and its files',
  responses: { 200: reply(DoneReply, null), ...failures(404) },
};
export const stopSession: RouteDoc = {
  operationId: 'sheikhboxStopSession',
  tag,
  summary: 'Stop the active run of a session',
  description: 'Answers when everything that the run started has ended. Stopping an idle session is a success.',
  responses: { 200: reply(DoneReply, null), ...failures(404) },
};
export const chat: RouteDoc = {
  operationId: 'sheikhboxChat',
  tag,
  summary: 'Send a message and stream the answer',
  description: 'Without a message it only reconnects: the events after `event_id`, until the run ends or waits.',
  headers: { ...key, ...resume },
  bodyExample: { message: 'Say hi\n```sh\necho hi\n```', timestamp: 1735689600 },
  responses: {
    200: sse('Events until the run ends or waits', `: connected\n\n${title}${done}`),
    ...failures(400, 404, 409),
  },
};
export const events: RouteDoc = {
  operationId: 'sheikhboxEvents',
  tag,
  summary: 'Follow a session, for EventSource',
  description:
    'Includes user messages and continues after a run ends. Without a cursor it starts with the active run, or now.',
  headers: resume,
  responses: { 200: sse('Events until the session is deleted', `: connected\n\n${title}`), ...failures(400, 404) },
};
/** The documented answer of a panel: one reply or a stream, depending on the client's `Accept` header. */
function replyOrStream(schema: z.ZodType, event: string, shown: object): ResponseDoc {
  const example = `: connected\n\nevent: ${event}\ndata: ${JSON.stringify(shown)}\n\n`;
  const [once, again] = [reply(schema, shown), sse('', example)];
  return { description: once.description, content: { ...once.content, ...again.content } };
}
export const shell: RouteDoc = {
  operationId: 'sheikhboxShell',
  tag,
  summary: 'View a shell of the session',
  description: 'With `Accept: text/event-stream`: `event: shell` at once and on each change.',
  bodyExample: { session_id: 'main' },
  responses: {
    200: replyOrStream(ShellReply, 'shell', {
      output: 'hi\n',
      session_id: 'main',
      console: [{ ps1: 'corral:~$ ', command: 'echo hi', output: 'hi\n' }],
    }),
    ...failures(400, 404),
  },
};
export const file: RouteDoc = {
  operationId: 'sheikhboxFile',
  tag,
  summary: 'Read a file of the session',
  description: 'With `Accept: text/event-stream`: `event: file` at once and on each change.',
  bodyExample: { file: '/workspace/notes.md' },
  responses: {
    200: replyOrStream(FileReply, 'file', { content: 'hi\n', file: '/workspace/notes.md' }),
    ...failures(400, 404),
  },
};
