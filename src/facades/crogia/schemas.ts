import { z } from 'zod';
import type { ResponseDoc } from '../shared/routes.ts';

// Only this folder uses snake_case names, because the wire does.

const noNul = (value: string) => !value.includes('\0');
const text = z
  .string()
  .max(200_000)
  .refine((value) => value.trim() !== '', 'must not be empty')
  .meta({ minLength: 1 });
const path = z.string().min(1).max(4096).refine(noNul, 'must not contain NUL');

export const SessionParams = z.object({ sid: z.string().describe('the session') });
export const ProcessParams = SessionParams.extend({
  pid: z
    .string()
    .regex(/^-?\d+$/, 'must be a number')
    .transform(Number)
    .describe('as the session’s own shell sees it'),
});
export const ShellParams = z.object({ shell_id: z.string() });

export const CreateBody = z.object({ task: text.describe('only stored as last_task; post it to /tasks to run it') });
export const TaskBody = z.object({
  task: text,
  mode: z
    .enum(['inject', 'queue', 'replace'])
    .nullish()
    .describe('what happens while a run is active; queue is the default'),
});
export const LinesQuery = z.object({ lines: z.coerce.number().int().min(1).max(10_000).default(50) });
export const ListQuery = z.object({ path: path.default('.') });
export const ReadQuery = z.object({ path, encoding: z.enum(['utf-8', 'base64']).default('utf-8') });
export const WriteBody = z.object({ path, content: z.string() });
export const SearchBody = z.object({
  pattern: z.string().min(1).max(4096).refine(noNul, 'must not contain NUL'),
  path: path.default('.'),
  file_types: z.string().max(4096).refine(noNul, 'must not contain NUL').default('*').describe('a comma list of globs'),
});
export const ShellBody = z.object({
  cmd: text.refine(noNul, 'must not contain NUL'),
  tty: z.boolean().default(true).describe('either way stdout and stderr come as one text'),
  timeout: z.number().min(1).max(600).default(120).describe('seconds'),
  background: z.boolean().default(false),
});

const iso = z.iso.datetime();
export const SessionInfo = z.object({
  session_id: z.string(),
  container_id: z.string(),
  workdir: z.string(),
  created: iso,
  last_task: z.string(),
  status: z.literal('active'),
  container_status: z.enum(['created', 'running', 'stopped', 'not_found']),
});
export const HealthReply = z.object({
  status: z.enum(['healthy', 'unhealthy']),
  timestamp: iso,
  active_sessions: z.int(),
  docker_available: z.boolean(),
  sandbox_driver: z.string(),
  error: z.string().optional(),
});
export const MessageReply = z.object({ message: z.string() });
export const TaskReply = MessageReply.extend({ task: z.string(), run_id: z.string() });
export const ProcessReply = z.object({
  pid: z.int(),
  cmd: z.string(),
  status: z.enum(['running', 'stopped', 'exited']),
  log: z.string(),
  started: iso,
});
export const LogsReply = z.object({ logs: z.string(), pid: z.int() });
export const ListReply = z.object({
  path: z.string(),
  items: z.array(
    z.object({ name: z.string(), type: z.enum(['file', 'directory']), size: z.int().nullable(), modified: iso }),
  ),
});
export const ContentReply = z.object({ path: z.string(), content: z.string() });
const found = { pattern: z.string(), path: z.string(), truncated: z.literal(true).optional() };
export const FindReply = z.object({ ...found, matches: z.array(z.string()) });
export const GrepReply = z.object({
  ...found,
  matches: z.array(z.object({ file: z.string(), line: z.int(), content: z.string() })),
});
export const ConversationReply = z.object({
  session_id: z.string(),
  messages: z.array(z.object({ type: z.enum(['human', 'ai']), content: z.string(), id: z.string() })),
  last_task: z.string(),
  total_messages: z.int(),
});
export const FullReply = z.object({
  session_id: z.string(),
  conversation_history: z.array(
    z.union([
      z.object({ role: z.enum(['user', 'assistant']), content: z.string() }),
      z.object({ type: z.literal('function_call'), name: z.string(), arguments: z.string(), call_id: z.string() }),
      z.object({ type: z.literal('function_call_output'), call_id: z.string(), output: z.string() }),
    ]),
  ),
  last_task: z.string(),
  total_items: z.int(),
});
export const TerminalReply = z.object({
  shell_id: z.string(),
  session_id: z.string(),
  created: iso,
  status: z.literal('active'),
});
export const TerminalsReply = z.object({ shells: z.array(TerminalReply) });
export const ShellReply = z.object({
  command: z.string(),
  output: z.string(),
  timestamp: iso,
  exit_code: z.int().nullable(),
  timed_out: z.boolean(),
  pid: z.int().optional(),
  log: z.string().optional(),
});

const json = (description: string, schema: z.ZodType, example?: unknown): ResponseDoc => ({
  description,
  content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
});
export const reply = (schema: z.ZodType, example: unknown): ResponseDoc => json('Success', schema, example);
export const missing = (detail: string): ResponseDoc => json(detail, z.object({ detail: z.string() }), { detail });
