import { z } from 'zod';
import { ApprovalRule, maxApprovalRules } from '../core/model/approval-rule.ts';
import { allowJsonText } from './json-setting.ts';

export const approvalRulesValue = () => ({
  accepts: `a list of at most ${maxApprovalRules} rules, each with action (allow, ask or deny), tool, and pattern`,
  kind: allowJsonText(z.array(ApprovalRule).max(maxApprovalRules)),
});
