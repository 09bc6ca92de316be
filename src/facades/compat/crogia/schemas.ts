import { z } from 'zod';

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

export const CreateSessionBody = z.object({
  task: text.describe('only stored as last_task; post it to /tasks to run it'),
  template: z.string().optional().describe('the template of the agent; GET /api/v1/templates lists them'),
});
export const TaskBody = z.object({
  task: text,
  mode: z
    .enum(['inject', 'queue', 'replace'])
    .nullish()
    .describe('what happens while a run is active; queue is the default'),
});
export const LogLinesQuery = z.object({ lines: z.coerce.number().int().min(1).max(10_000).default(50) });
export const ListFilesQuery = z.object({ path: path.default('.') });
export const ReadFileQuery = z.object({ path, encoding: z.enum(['utf-8', 'base64']).default('utf-8') });
export const WriteFileBody = z.object({ path, content: z.string() });
export const SearchFilesBody = z.object({
  pattern: z.string().min(1).max(4096).refine(noNul, 'must not contain NUL'),
  path: path.default('.'),
  file_types: z.string().max(4096).refine(noNul, 'must not contain NUL').default('*').describe('a comma list of globs'),
});
export const ShellCommandBody = z.object({
  cmd: text.refine(noNul, 'must not contain NUL'),
  tty: z.boolean().default(true).describe('either way stdout and stderr come as one text'),
  timeout: z.number().min(1).max(600).default(120).describe('seconds'),
  background: z.boolean().default(false),
});
