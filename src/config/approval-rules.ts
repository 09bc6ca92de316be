import { z } from 'zod';
import { ApprovalRule, maxApprovalRules } from '../core/model/approval-rule.ts';
import { allowJsonText } from './json-setting.ts';

export const approvalRulesValue = () => ({
  accepts: `a list of at most ${maxApprovalRules} rules, each with action (allow, ask or deny), tool (a name in lower case such as shell_exec, or a glob), and pattern`,
  kind: allowJsonText(z.array(ApprovalRule).max(maxApprovalRules)),
});
