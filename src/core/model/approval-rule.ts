import { z } from 'zod';

/**
 * Decides whether a tool call is allowed, needs approval or is denied. `tool` is a name or glob. `pattern` is a glob
 * for the call's subject: the command, file, path, URL, query or code, or the arguments as JSON if there is no such
 * subject. Without `pattern`, every call to `tool` matches.
 */
export const ApprovalRule = z.strictObject({
  action: z.enum(['allow', 'ask', 'deny']),
  tool: z.string().regex(/^[a-z*][a-z0-9_*]{0,99}$/),
  pattern: z.string().min(1).max(500).optional(),
});
export type ApprovalRule = Readonly<z.output<typeof ApprovalRule>>;
export const maxApprovalRules = 100;
