import type { Driver, EgressPolicy } from '../../../drivers/driver.ts';
import { isPausable } from '../../../drivers/driver.ts';
import type { RunPolicy } from '../../../machines/run.ts';
import type { SandboxPolicy } from '../../../machines/sandbox.ts';
import { computeRetryDelayMs } from '../../agents/models/retry.ts';
import type { ToolRegistry } from '../../agents/tools/registry.ts';
import { toolGroups } from '../../agents/tools/tool.ts';
import { findNearestWord } from '../../config/nearest.ts';
import { AppError } from '../../core/errors/errors.ts';
import { readBudgetSettings } from '../../core/model/runs/budget.ts';
import type { ConcurrentAmounts } from '../../core/model/runs/budget-limits.ts';
import { findEgressPolicy } from '../../sandboxes/egress/policies/list.ts';
import type { BudgetHolder } from '../../sessions/api/server/budgets.ts';
import type { EffectiveBudgets } from '../../sessions/api/sessions.ts';
import type { BudgetLimits } from '../../sessions/budgets/account.ts';
import type { AgentProfile } from '../../sessions/run/profile.ts';
import type { ApprovalPolicy } from '../../sessions/run/run-context.ts';
import type { Config } from '../settings/config.ts';

export const toEgressPolicy = (egress: Config['egress']): EgressPolicy =>
  findEgressPolicy(egress.policy)?.usesEntries
    ? { kind: egress.policy, entries: egress.allow }
    : { kind: egress.policy };

const providerIsDown = { kind: 'failed', code: 'model_unavailable', message: '', retryable: true } as const;
const second = 1_000;

export const toRunPolicy = (config: Config, random: () => number): Omit<RunPolicy, 'plans'> => ({
  budget: {
    ...readBudgetSettings(config.run),
    turns: config.maxSteps,
    ms: config.run.timeoutSeconds * second,
  },
  stuck: config.stuck,
  maxRetries: 4,
  stopGraceMs: 8 * second,
  backoffMs: (retry) => computeRetryDelayMs(providerIsDown, Math.min(retry, 4), random) ?? 60 * second,
});

export const createBudgetLimitsReader =
  (live: { readonly now: Config }) =>
  (holder: BudgetHolder): BudgetLimits => {
    const { now } = live;
    const held = heldLimits(now, holder);
    if (holder.of === 'server') return { day: {}, month: {}, held };
    const budgets = now[holder.of];
    return {
      day: { tokens: budgets.dayTokenBudget, cost: budgets.dayCostBudget, toolCalls: budgets.dayToolCallBudget },
      month: {
        tokens: budgets.monthTokenBudget,
        cost: budgets.monthCostBudget,
        toolCalls: budgets.monthToolCallBudget,
      },
      held,
    };
  };

function heldLimits(config: Config, { of, id }: BudgetHolder): ConcurrentAmounts {
  if (of === 'person' && id === '') return {};
  const limits = config[of];
  const own = {
    person: { sessions: config.maxSessionsPerOwner || undefined, snapshots: config.snapshots.ownerCount },
    project: { sessions: config.project.maxSessions, snapshots: config.project.maxSnapshots },
    server: { sessions: config.maxSessions, snapshots: config.server.maxSnapshots },
  }[of];
  return {
    ...own,
    runningRuns: limits.maxRunningRuns,
    cpus: limits.maxCpus,
    memoryBytes: limits.maxMemory,
    diskBytes: limits.maxDisk,
  };
}

export const toSandboxPolicy = (sandbox: Config['sandbox'], driver: Driver): SandboxPolicy => ({
  maxRetries: 2,
  backoffMs: (retry) => Math.min(second * 2 ** (retry - 1), 30 * second),
  // After half its idle timeout, a sandbox is frozen and uses no CPU time.
  idlePauseMs: isPausable(driver) ? (sandbox.idleSeconds * second) / 2 : undefined,
  idleStopMs: sandbox.idleSeconds * second,
  ttlMs: sandbox.ttlSeconds * second,
  releaseGraceMs: 60 * second, // half of this time is for storing the sandbox's files
});

export const restartPolicy = {
  maxRestarts: 3,
  windowMs: 60 * second,
  backoffMs: (restart: number) => Math.min(100 * 2 ** (restart - 1), 5 * second),
};

/** Throws invalid_request for an unknown tool, because its entry would protect nothing. */
export function toCheckedApprovalPolicy(approvals: Config['approvals'], tools: ToolRegistry): ApprovalPolicy {
  assertKnownTools('approvals.tools', approvals.tools, tools);
  assertKnownTools(
    'approvals.rules',
    approvals.rules.map(({ tool }) => tool),
    tools,
  );
  return toApprovalPolicy(approvals);
}

export const toApprovalPolicy = ({ tools, rules, timeoutSeconds }: Config['approvals']): ApprovalPolicy => ({
  tools,
  rules,
  timeoutMs: timeoutSeconds * second,
});

/** Includes the groups of tools that `tools.deny` accepts. */
export const listToolNames = (setting: string, tools: ToolRegistry): readonly string[] => [
  ...(setting === 'tools.deny' ? toolGroups : []),
  ...tools.declarations.map(({ name }) => name).filter(tools.find),
];

/** Excludes globs and names that start with `mcp_`. */
export const filterUnknownTools = (names: readonly string[], known: readonly string[]): string[] =>
  names.filter((name) => !name.includes('*') && !name.startsWith('mcp_') && !known.includes(name));

/** Throws invalid_request. Does not check globs or names that start with `mcp_`. */
export function assertKnownTools(setting: string, names: readonly string[], tools: ToolRegistry): void {
  const known = listToolNames(setting, tools);
  const [unknown] = filterUnknownTools(names, known);
  if (unknown === undefined) return;
  const meant = findNearestWord(unknown, known);
  const help = meant === undefined ? `Tools: ${known.join(', ')}.` : `Did you mean ${meant}?`;
  const field = `value.${names.indexOf(unknown)}`;
  throw new AppError('invalid_request', `${setting}: there is no tool ${unknown}. ${help}`, { field });
}

export function toProfileLimits(config: Config): Pick<AgentProfile, 'budget' | 'sessionBudget' | 'approvals'> {
  return {
    budget: toRunPolicy(config, () => 0).budget,
    sessionBudget: readBudgetSettings(config.session),
    approvals: toApprovalPolicy(config.approvals),
  };
}

export function toServerLimits(
  config: Config,
  tools: ToolRegistry,
): { approvals: readonly string[]; budgets: EffectiveBudgets } {
  const budgets = { run: toRunPolicy(config, () => 0).budget, session: readBudgetSettings(config.session) };
  return { approvals: toCheckedApprovalPolicy(config.approvals, tools).tools, budgets };
}
