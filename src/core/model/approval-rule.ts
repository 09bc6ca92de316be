import { z } from 'zod';

/**
 * Decides, before a tool call runs, whether it is allowed, needs approval or is denied. `tool` is a name or a glob of names.
 * `pattern` is a glob for the call's subject: the command, file, path, URL, query or code, else the arguments as JSON. Without
 * `pattern` the rule matches every call of the tool.
 */
export const ApprovalRule = z.strictObject({
  action: z.enum(['allow', 'ask', 'deny']),
  tool: z.string().regex(/^[a-z*][a-z0-9_*]{0,99}$/),
  pattern: z.string().min(1).max(500).optional(),
});
export type ApprovalRule = Readonly<z.output<typeof ApprovalRule>>;
export const maxApprovalRules = 100;
