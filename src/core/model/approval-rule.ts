import { z } from 'zod';
import { toolGlobPattern } from '../text/glob.ts';

/**
 * `tool` is a name or glob. `pattern` is a glob that must match the command, file, path, URL, query or code, or, if the
 * call has none of these, the arguments as JSON.
 */
export const ApprovalRule = z.strictObject({
  action: z.enum(['allow', 'ask', 'deny']),
  tool: z.string().regex(toolGlobPattern),
  pattern: z.string().min(1).max(500).optional(),
});
export type ApprovalRule = Readonly<z.output<typeof ApprovalRule>>;
export const maxApprovalRules = 100;
