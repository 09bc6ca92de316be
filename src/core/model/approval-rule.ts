import { z } from 'zod';

/**
 * Decides about calls of tools before they are made. `tool` is a name or a glob of names. `pattern` is a glob for the
 * subject of the call: the command, file or address, else the arguments as JSON; without one the rule matches every
 * call.
 */
export const ApprovalRule = z.strictObject({
  action: z.enum(['allow', 'ask', 'deny']),
  tool: z.string().regex(/^[a-z*][a-z0-9_*]{0,99}$/),
  pattern: z.string().min(1).max(500).optional(),
});
export type ApprovalRule = Readonly<z.output<typeof ApprovalRule>>;
export const maxApprovalRules = 100;
