import { z } from 'zod';
import { detailFailures } from '../shared/detail-docs.ts';
import type { ResponseDoc, RouteDoc } from '../shared/routes.ts';
import {
  AuthReply,
  DoneReply,
  FavoriteReply,
  FileInfoReply,
  FilesReply,
  FrontEndReply,
  failures,
  LinkReply,
  PinReply,
  reply,
  SharedReply,
  ShareReply,
  sse,
  TitleReply,
} from './schemas.ts';

// Routes that later releases of the public project have in addition to those of the first one.

const tag = 'SheikhBox';
const sid = '5f2a0c9be41d7733';
const fileId = '3f1c9a52-6a0e-4f7e-9a51-0d6c0d9a7b11';
const event = { event: 'title', data: { event_id: '3', timestamp: 1735689600, title: 'Say hi' } };
const item = {
  session_id: sid,
  title: 'Say hi',
  latest_message: 'Done.',
  latest_message_at: 1735689601,
  status: 'completed',
  unread_message_count: 0,
  is_shared: false,
  is_favorite: false,
  is_pinned: false,
  project_id: null,
};
const info = {
  file_id: fileId,
  filename: 'notes.txt',
  content_type: 'text/plain',
  size: 5,
  upload_date: '2025-01-01T00:00:00.000Z',
  metadata: null,
  file_url: `/api/v1/files/${fileId}/download`,
};
const link = (path: string) => ({ signed_url: `${path}?signature=v1.…`, expires_in: 900 });

type Parts = Pick<RouteDoc, 'description' | 'bodyExample' | 'headers' | 'requestContent'> & {
  readonly ok: ResponseDoc;
  readonly failures: RouteDoc['responses'];
};
const described = (operationId: string, summary: string, { ok, failures: failed, ...more }: Parts): RouteDoc => ({
  ...{ operationId, tag, summary, ...more },
  responses: { 200: ok, ...failed },
});

export const watchSessions = described('sheikhboxWatchSessions', 'Follow the list of sessions', {
  description: 'The whole list at once and on each change, at most once a second. Any body is ignored.',
  ok: sse(
    'The list, once per change',
    `: connected\n\nevent: sessions\ndata: ${JSON.stringify({ sessions: [item] })}\n\n`,
  ),
  failures: failures(),
});
export const rename = described('sheikhboxRename', 'Rename a session', {
  bodyExample: { title: 'Say hi' },
  ok: reply(TitleReply, { session_id: sid, title: 'Say hi' }),
  failures: failures(400, 404),
});
export const favorite = described('sheikhboxFavorite', 'Mark a session as a favorite', {
  ok: reply(FavoriteReply, { session_id: sid, is_favorite: true }),
  failures: failures(404),
});
export const unfavorite = described('sheikhboxUnfavorite', 'Remove the favorite mark of a session', {
  ok: reply(FavoriteReply, { session_id: sid, is_favorite: false }),
  failures: failures(404),
});
export const pin = described('sheikhboxPin', 'Pin or unpin a session', {
  bodyExample: { is_pinned: true },
  ok: reply(PinReply, { session_id: sid, is_pinned: true }),
  failures: failures(400, 404),
});
export const clearUnread = described('sheikhboxClearUnread', 'Mark all messages of a session as read', {
  ok: reply(DoneReply, null),
  failures: failures(404),
});
export const sessionFiles = described('sheikhboxSessionFiles', "List the files attached to a session's messages", {
  ok: reply(FilesReply, [info]),
  failures: failures(404),
});
export const share = described('sheikhboxShare', 'Share a session with everyone who knows its address', {
  ok: reply(ShareReply, { session_id: sid, is_shared: true }),
  failures: failures(404),
});
export const unshare = described('sheikhboxUnshare', 'End the sharing of a session', {
  ok: reply(ShareReply, { session_id: sid, is_shared: false }),
  failures: failures(404),
});
const shown = { session_id: sid, title: 'Say hi', status: 'completed', events: [event], is_shared: true };
export const sharedSession = described(
  'sheikhboxSharedSession',
  'Read a shared session with its history; needs no token',
  {
    description: 'Files in it come with links that work without a token for a few minutes.',
    ok: reply(SharedReply, shown),
    failures: failures(404),
  },
);
export const sharedFiles = described('sheikhboxSharedFiles', 'List the files of a shared session; needs no token', {
  ok: reply(FilesReply, [{ ...info, file_url: `${info.file_url}?signature=v1.…` }]),
  failures: failures(404),
});
export const vncLink = described('sheikhboxVncLink', "Make a link to a session's screen that needs no token", {
  description: 'The link works once and expires. With `right: view` its viewer may only watch.',
  bodyExample: { expire_minutes: 15 },
  ok: reply(LinkReply, link(`/api/v1/sessions/${sid}/vnc`)),
  failures: failures(400, 404),
});
export const vnc: RouteDoc = {
  operationId: 'sheikhboxVnc',
  tag,
  summary: "The screen of a session's sandbox, as RFB in binary frames",
  description: [
    'Offers security type 1 (None). Takes a token, or `signature` in the query. Closes with 1008 for an unknown session',
    'and 1011 where the sandbox has no desktop or is stopped, 1012 when the display ended (connect again), 1002 for what',
    'is no RFB, 4410 with the session. A client that offers subprotocols must offer `binary`. One viewer at a time uses',
    'keyboard and mouse: the first that presses something, until it leaves or another takes over.',
  ].join(' '),
  responses: {
    400: { description: 'Offers only other subprotocols than binary' },
    401: { description: 'Not authenticated, or a link that is not valid any more' },
    403: { description: 'Refused: Host or origin' },
    426: { description: 'Not a WebSocket' },
    429: { description: 'Too many requests' },
    default: { description: 'Any other failure' },
  },
};
export const uploadFile = described('sheikhboxUploadFile', 'Upload a file for a message to attach', {
  description: 'multipart/form-data with one part `file`.',
  headers: {
    'Idempotency-Key':
      '1 to 255 visible ASCII characters: a repeat with the same key and body gets the first answer again',
  },
  requestContent: { 'multipart/form-data': z.object({ file: z.string().meta({ format: 'binary' }) }) },
  ok: reply(FileInfoReply, info),
  failures: detailFailures(400, 409, 413, 422),
});
const one = { ok: reply(FileInfoReply, info), failures: detailFailures(404) };
export const file = described('sheikhboxFileOf', 'Get the details of a file', one);
export const fileInfo = described('sheikhboxFileInfo', 'Get the details of a file, by its other address', one);
export const fileLink = described('sheikhboxFileLink', 'Make a link to a file that needs no token', {
  bodyExample: { expire_minutes: 15 },
  ok: reply(LinkReply, link(`/api/v1/files/${fileId}/download`)),
  failures: detailFailures(404, 422),
});
export const authStatus = described('sheikhboxAuthStatus', 'Report that only the token is needed to log in', {
  ok: reply(AuthReply, { authenticated: true, auth_provider: 'none' }),
  failures: detailFailures(),
});
export const frontEnd = described('sheikhboxFrontEndConfig', 'Settings of the front end', {
  ok: reply(FrontEndReply, {
    auth_provider: 'none',
    show_github_button: false,
    github_repository_url: '',
    google_analytics_id: null,
    claw_enabled: false,
  }),
  failures: detailFailures(),
});
