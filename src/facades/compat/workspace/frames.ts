import { posix } from 'node:path';
import { z } from 'zod';

// Only this folder calls a workspace's name `sessionId`, because the wire does.

export const UserId = z.string().regex(/^[A-Za-z0-9._@-]{1,128}$/);

const sessionId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 letters, digits, dots, dashes or underscores');
const maxCommand = 200_000;
const command = z
  .string()
  .max(maxCommand, `must be at most ${maxCommand} characters`)
  .refine((text) => text.trim() !== '', 'must not be empty')
  .refine((text) => !text.includes('\0'), 'must not contain NUL');

export const Frame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('execute_code'), sessionId, code: z.string(), filename: z.string().nullish() }),
  z.object({ type: z.literal('terminal_command'), sessionId, command }),
  z.object({ type: z.literal('save_file'), sessionId, filename: z.string(), content: z.string() }),
  z.object({ type: z.literal('ping') }),
]);
export type Frame = z.infer<typeof Frame>;
export type Command = Exclude<Frame, { type: 'ping' }>;

/** Checks a name without the sandbox; only the sandbox can tell whether an absolute name is in the workspace. */
export function isFileName(name: string): boolean {
  if (name.trim() === '' || name.includes('\0') || name.endsWith('/') || name.length > 4096) return false;
  const normal = posix.normalize(name);
  return normal !== '.' && normal !== '..' && !normal.startsWith('../');
}
