import { createDelegateTools } from '../../agents/tools/delegation/delegate.ts';
import { createToolRegistry, type ToolRegistry, withTools } from '../../agents/tools/registry.ts';
import { allowsTool } from '../../agents/tools/selection.ts';
import type { ToolDescription } from '../../agents/tools/tool.ts';
import { managedAgentsToolset, toClientTool, toolsetBackingTools, toWorkerTool } from '../../agents/tools/toolset.ts';
import type { ResourceOwnership } from '../../core/model/access/holder.ts';
import type { ApprovalRule } from '../../core/model/approval-rule.ts';
import { memoryMountPath } from '../../core/model/run-files.ts';
import type { SessionAgent } from '../../core/model/session-agent.ts';
import { compileGlobs } from '../../core/text/glob.ts';
import type { AgentProfile } from './profile.ts';

interface Base {
  readonly usual: AgentProfile;
  readonly denied: readonly string[];
  readonly session: ResourceOwnership;
}
const weeksMs = 20 * 24 * 60 * 60_000; // 20 days, because clients may answer late; timers cannot exceed 24.8 days
const toolTimeoutMs = 60_000;
const mostChildren = 8; // running concurrently; templates have the same limit

/** The server's denials and approvals still apply to an agent that a client defined. */
export function buildSessionAgentProfile(
  agent: SessionAgent,
  { usual, denied, session }: Base,
): Pick<AgentProfile, 'tools' | 'leftOut' | 'toolServers' | 'allows' | 'approvals' | 'prompt' | 'children'> {
  const isOff = (tool: Pick<ToolDescription, 'name' | 'group'>) =>
    [tool.name, ...(toolsetBackingTools[tool.name] ?? [])].some(
      (name) => !allowsTool({ deny: denied }, { ...tool, name }),
    );
  const requested = new Set(agent.tools);
  const inSandbox = agent.environment === undefined ? managedAgentsToolset : managedAgentsToolset.map(toWorkerTool);
  const own = [...inSandbox, ...foundIn(usual.tools, requested)].filter(
    (tool) => requested.has(tool.name) && !isOff(tool),
  );
  const clientTools = agent.clientTools.map(toClientTool);
  const { subAgents = [] } = agent;
  const delegating = subAgents.length > 0 ? createDelegateTools(subAgents).filter((tool) => !isOff(tool)) : [];
  const all = [...own, ...delegating, ...clientTools.filter((tool) => 'run' in tool)];
  const tools = withTools(createToolRegistry([]), { declared: all, all });
  const rules = [...(usual.approvals?.rules ?? []), ...renamed(usual.approvals?.rules ?? []), ...agent.approvals];
  const requests = (usual.approvals?.tools ?? []).filter((name) => name !== '*');
  const servers = agent.servers.map(({ tools: offered, ...server }) => ({
    ...server,
    tools: [...offered],
    headers: {},
    ...(agent.vaults && agent.vaults.length > 0 && { vaults: { ids: agent.vaults, session } }),
    timeoutMs: toolTimeoutMs,
  }));
  return {
    tools,
    leftOut: clientTools.filter((tool) => 'reason' in tool),
    toolServers: servers,
    // A disabled tool is not offered, because a rule would refuse its calls anyway.
    allows: (tool) => !isOff(tool) && ruleAbout(agent, tool.name)?.action !== 'deny',
    approvals: {
      tools: [...(usual.approvals?.tools?.includes('*') ? ['*'] : []), ...requests, ...aliasesOf(requests)],
      rules,
      timeoutMs: weeksMs,
    },
    ...createPrompt(agent, usual),
    ...(delegating.length > 0 && { children: mostChildren }),
  };
}

function createPrompt(
  { instructions, memoryStores = [] }: SessionAgent,
  usual: AgentProfile,
): Pick<AgentProfile, 'prompt'> {
  const prompt = instructions ?? usual.prompt;
  if (memoryStores.length === 0) return instructions === null ? {} : { prompt: instructions };
  const stores = memoryStores.map(({ folder, access, name, description, instructions: use }) => {
    const may = access === 'read_only' ? 'You can only read it.' : 'Each change of a file in it is kept.';
    const lines = [`${memoryMountPath}/${folder}: ${name}. ${may}`, description, use ?? ''];
    return lines.filter((line) => line !== '').join('\n  ');
  });
  const text = `# Memory\nThese folders outlive this conversation. Look into them before you begin, and keep there what later conversations need, as small text files.\n- ${stores.join('\n- ')}`;
  return { prompt: [prompt, text].filter(Boolean).join('\n\n') };
}

const ruleAbout = ({ approvals }: SessionAgent, name: string) =>
  approvals.find(({ tool }) => compileGlobs([tool])(name));

const foundIn = (registry: ToolRegistry, names: ReadonlySet<string>) =>
  [...names].filter((name) => toolsetBackingTools[name] === undefined).flatMap((name) => registry.find(name) ?? []);

const aliasesOf = (names: readonly string[]): string[] =>
  Object.entries(toolsetBackingTools).flatMap(([alias, real]) =>
    real.some((name) => names.includes(name)) ? [alias] : [],
  );

function renamed(rules: readonly ApprovalRule[]): ApprovalRule[] {
  return rules.flatMap((rule) =>
    Object.entries(toolsetBackingTools).flatMap(([alias, real]) =>
      real.some((name) => compileGlobs([rule.tool])(name)) && !compileGlobs([rule.tool])(alias)
        ? [{ ...rule, tool: alias }]
        : [],
    ),
  );
}
