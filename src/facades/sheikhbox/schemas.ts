import { z } from 'zod';
import type { ResponseDoc } from '../shared/routes.ts';

// Only this folder uses snake_case names, because the wire does.

const text = (max: number) => z.string().max(max);
const path = text(4096)
  .min(1)
  .refine((value) => !value.includes('\0'), 'must not contain NUL');

export const SessionParams = z.object({ sid: z.string().describe('the session') });
export type SessionParams = z.output<typeof SessionParams>;

export const ChatBody = z.object({
  message: text(200_000).nullish().describe('empty or absent: only reconnect to the stream'),
  timestamp: z.int().min(0).nullish().describe('the client’s clock, epoch seconds'),
  event_id: z.string().nullish().describe('resume after this event'),
  attachments: z
    .array(z.union([text(4096), z.object({ file_id: text(4096) })]))
    .max(100)
    .nullish(),
  mode: z
    .enum(['inject', 'queue', 'replace'])
    .nullish()
    .describe('what happens while a run is active; inject is the default'),
});
export type ChatBody = z.output<typeof ChatBody>;

export const ShellBody = z.object({ session_id: path.max(255).describe('the shell, not the session') });
export const FileBody = z.object({ file: path });
export const EventsQuery = z.object({ last_event_id: z.string().optional() });

export const TitleBody = z.object({
  title: text(255).refine((value) => value.trim() !== '', 'must not be empty'),
});
export const PinBody = z.object({ is_pinned: z.boolean().default(true) });
export const MinutesBody = z.object({
  expire_minutes: z.int().min(1).max(15).default(15).describe('how long the link works'),
});
export const LinkBody = MinutesBody.extend({
  right: z.enum(['control', 'view']).default('control').describe('view: the link opens the screen to watch only'),
});
export const FileParams = z.object({ id: z.string().describe('the file') });

const enveloped = <Data extends z.ZodType>(data: Data) =>
  z.object({ code: z.literal(0), msg: z.literal('success'), data });
const status = z.enum(['pending', 'running', 'waiting', 'completed', 'active']);

const marks = {
  is_shared: z.boolean(),
  is_favorite: z.boolean(),
  is_pinned: z.boolean(),
  project_id: z.string().nullable(),
};
const ListItem = z.object({
  session_id: z.string(),
  title: z.string(),
  latest_message: z.string().max(1000),
  latest_message_at: z.int(),
  status,
  unread_message_count: z.int(),
  ...marks,
});
const StreamedEvent = z.object({ event: z.string(), data: z.record(z.string(), z.unknown()) });
const ShellView = z.object({
  output: z.string(),
  session_id: z.string(),
  console: z.array(z.object({ ps1: z.string(), command: z.string(), output: z.string() })),
});
const FileView = z.object({ content: z.string(), file: z.string() });
const ErrorReply = z.object({ code: z.int(), msg: z.string(), data: z.null() });

export const CreatedReply = enveloped(z.object({ session_id: z.string() }));
export const ListReply = enveloped(z.object({ sessions: z.array(ListItem) }));
export const SessionReply = enveloped(
  z.object({ session_id: z.string(), title: z.string(), status, events: z.array(StreamedEvent), ...marks }),
);
export const SharedReply = enveloped(
  z.object({
    ...{ session_id: z.string(), title: z.string(), status, events: z.array(StreamedEvent) },
    is_shared: z.literal(true),
  }),
);
export const DoneReply = enveloped(z.null());
export const ShellReply = enveloped(ShellView);
export const FileReply = enveloped(FileView);

const FileInfoView = z.object({
  file_id: z.string(),
  filename: z.string(),
  content_type: z.string().nullable(),
  size: z.int(),
  upload_date: z.string(),
  metadata: z.null(),
  file_url: z.string(),
});
export const FileInfoReply = enveloped(FileInfoView);
export const FilesReply = enveloped(z.array(FileInfoView));
export const TitleReply = enveloped(z.object({ session_id: z.string(), title: z.string() }));
export const FavoriteReply = enveloped(z.object({ session_id: z.string(), is_favorite: z.boolean() }));
export const PinReply = enveloped(z.object({ session_id: z.string(), is_pinned: z.boolean() }));
export const ShareReply = enveloped(z.object({ session_id: z.string(), is_shared: z.boolean() }));
export const LinkReply = enveloped(z.object({ signed_url: z.string(), expires_in: z.int() }));
export const AuthReply = enveloped(z.object({ authenticated: z.literal(true), auth_provider: z.literal('none') }));
export const FrontEndReply = enveloped(
  z.object({
    auth_provider: z.literal('none'),
    show_github_button: z.boolean(),
    github_repository_url: z.string(),
    google_analytics_id: z.null(),
    claw_enabled: z.boolean(),
  }),
);

export const success = <Data>(data: Data) => ({ code: 0 as const, msg: 'success' as const, data });

/** The fields of each stream message; `data` is one line of JSON. */
const SseMessage = z.object({ id: z.string().optional(), event: z.string(), data: z.string() });

const json = (description: string, schema: z.ZodType, example?: unknown): ResponseDoc => ({
  description,
  content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
});
export const reply = (schema: z.ZodType, data: unknown) => json('Success', schema, success(data));
export const sse = (description: string, example: string): ResponseDoc => ({
  description,
  content: { 'text/event-stream': { schema: SseMessage, example } },
});

const texts: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Refused: Host or origin',
  404: 'Session not found',
  409: 'Idempotency-Key in use',
  413: 'Body too large',
  429: 'Too many requests',
  500: 'Internal server error',
  503: 'Unavailable',
};
/** The failures that every route of this dialect shares, and those of one route. */
export function failures(...own: number[]): Record<string, ResponseDoc> {
  const all = [...new Set([...own, 401, 403, 413, 429, 500, 503])].sort((a, b) => a - b);
  const listed = all.map((code) => [
    code,
    json(texts[code] ?? 'Error', ErrorReply, { code, msg: texts[code], data: null }),
  ]);
  return { ...Object.fromEntries(listed), default: json('Any other failure', ErrorReply) };
}
