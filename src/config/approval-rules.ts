import { z } from 'zod';
import { ApprovalRule, maxApprovalRules } from '../core/model/approval-rule.ts';
import { mappingOrJson } from './json-setting.ts';

export const approvalRulesSettingKind = () => ({
  accepts: `a list of at most ${maxApprovalRules} rules, each with action (allow, ask or deny), tool, and pattern`,
  kind: mappingOrJson(z.array(ApprovalRule).max(maxApprovalRules)),
});
