import { z } from 'zod';
import { GoalBody } from '../../shared/conversation/goal.ts';

// Names are in snake_case, as on the wire.

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
  goal: GoalBody.nullish().describe('the message begins a run of its own, whose work is judged by this goal'),
});
export type ChatBody = z.output<typeof ChatBody>;

export const ShellBody = z.object({ session_id: path.max(255).describe('the shell, not the session') });
export const FileBody = z.object({ file: path });
export const EventsQuery = z.object({ last_event_id: z.string().optional() });

export const TitleBody = z.object({
  title: text(255).refine((value) => value.trim() !== '', 'must not be empty'),
});
export const EditBody = z.object({
  seq: z.int().min(1).describe('the event_id of a message of a person that began a run'),
  message: z.string().min(1).max(200_000).describe('the message in its new wording'),
  attachments: z.array(z.string().min(1).max(4_096)).max(100).nullish(),
  stop_run: z.boolean().nullish().describe('true: a run that is under way is stopped first'),
});
export const ForkBody = z.object({
  seq: z
    .int()
    .min(1)
    .nullish()
    .describe('the event_id of a finished step, or of the end of a run; absent: the newest end'),
  title: TitleBody.shape.title.nullish(),
  files: z.boolean().nullish().describe('false: begin without files'),
});
export const PinBody = z.object({ is_pinned: z.boolean().default(true) });
export const LinkExpiryBody = z.object({
  expire_minutes: z.int().min(1).max(15).default(15).describe('how long the link works'),
});
export const ScreenLinkBody = LinkExpiryBody.extend({
  right: z.enum(['control', 'view']).default('control').describe('view: the link opens the screen to watch only'),
});
export const FileParams = z.object({ id: z.string().describe('the file') });
