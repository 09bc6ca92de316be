import {
  listToolsNeedingApproval,
  restrictMemoryTools,
  withoutDelegationTools,
  withoutRepositoryTools,
  withoutSkillTools,
} from '../../agents/tools/registry.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { hasWritableRepository } from '../../core/model/repository.ts';
import { minBudget } from '../../core/model/runs/budget.ts';
import type { EffectiveAgent } from '../api/sessions.ts';
import type { AgentProfile } from '../run/profile.ts';

export type ServerLimits = Pick<EffectiveAgent, 'approvals' | 'budgets'>;
export const noServerLimits: ServerLimits = { approvals: [], budgets: { run: {}, session: {} } };

export function computeEffectiveAgent(
  record: SessionRecord,
  profile: AgentProfile,
  server: ServerLimits,
): EffectiveAgent {
  const offered = hasWritableRepository(record) ? profile.tools : withoutRepositoryTools(profile.tools);
  // Workspace skills are known only once the sandbox is running.
  const skilled =
    profile.skills?.length || record.skills?.length || record.agent?.skills?.length
      ? offered
      : withoutSkillTools(offered);
  const delegating = profile.children === undefined ? withoutDelegationTools(skilled) : skilled;
  const tools = restrictMemoryTools(delegating, profile.memory);
  const { tools: listed = server.approvals, rules = [] } = profile.approvals ?? {};
  const ruled = rules.filter(({ action }) => action === 'ask').map(({ tool, pattern }) => joined(tool, pattern));
  return {
    template: record.template,
    mode: profile.plans ? 'plan-act' : 'react',
    model: profile.model.name,
    fallbacks: profile.fallbacks,
    tools: tools.declarations.map(({ name }) => name),
    toolServers: profile.toolServers.map(({ name }) => name),
    approvals: [...new Set([...listed, ...ruled, ...listToolsNeedingApproval(tools, rules)])],
    skills: record.skills ?? [],
    memory: profile.memory ?? 'off',
    budgets: {
      run: { ...server.budgets.run, ...profile.budget },
      session: minBudget({ ...server.budgets.session, ...profile.sessionBudget }, record.budget),
    },
  };
}

const joined = (tool: string, pattern: string | undefined): string =>
  pattern === undefined ? tool : `${tool} ${pattern}`;
