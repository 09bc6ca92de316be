import { defaultCapabilities, type Model } from '../../agents/models/model.ts';
import { MissingKeyError } from '../../agents/models/registry.ts';
import { type ComputerToolVariant, computerTools } from '../../agents/tools/list.ts';
import { createToolRegistry, filterTools, type ToolRegistry, withTools } from '../../agents/tools/registry.ts';
import { allowsTool } from '../../agents/tools/selection.ts';
import type { Tool, ToolDescription } from '../../agents/tools/tool.ts';
import { type ErrorCode, toAppError } from '../../core/errors/errors.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { readBudgetSettings } from '../../core/model/runs/budget.ts';
import type { Template } from '../../core/model/template.ts';
import type { McpServer } from '../../core/model/tool-server.ts';
import type { TemplateInfo, TemplateService } from '../api/server/templates.ts';
import type { AgentProfile, AgentProfileResolver } from '../run/profile.ts';
import { buildSessionAgentProfile } from '../run/session-agent-profile.ts';
import { type AgentConfig, type AgentConfigService, parseSampling } from './agent-config.ts';
import { formatModelRef, type ModelResolver, parseModelRef } from './providers.ts';

const inMs = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1_000);

function toLimits({
  maxSteps,
  run,
  session,
  approvals,
}: Pick<Template, 'maxSteps' | 'run' | 'session' | 'approvals'>): Pick<
  AgentProfile,
  'budget' | 'sessionBudget' | 'approvals'
> {
  const budget = definedFields({
    turns: maxSteps,
    ...readBudgetSettings({ ...run, timeBudgetSeconds: run.timeoutSeconds }),
  });
  const sessionBudget = definedFields(readBudgetSettings(session));
  const calls = definedFields({
    rules: approvals.rules,
    tools: approvals.tools,
    timeoutMs: inMs(approvals.timeoutSeconds),
  });
  return {
    ...(budget && { budget }),
    ...(sessionBudget && { sessionBudget }),
    ...(calls && { approvals: calls }),
  };
}

type DefinedFields<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };

function definedFields<Fields extends object>(fields: Fields): DefinedFields<Fields> | undefined {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  return set.length === 0 ? undefined : (Object.fromEntries(set) as DefinedFields<Fields>);
}

interface Deps {
  readonly agents: Pick<AgentConfigService, 'get'>;
  readonly templates: Pick<TemplateService, 'find'>;
  /** Called for each turn; returns the same object until a setting changes. */
  readonly usualOf: () => AgentProfile | Promise<AgentProfile>;
  /** Names, groups or globs of tools that no agent can use. */
  readonly denied?: () => readonly string[];
  readonly more?: readonly Tool[];
  readonly computers?: (shape: ComputerToolVariant) => readonly Tool[];
  readonly modelFor: ModelResolver;
  /** Undefined if no model was chosen on the web page, or if the settings name one. */
  readonly usualModel?: () => Promise<string | undefined>;
}

/** Merges the settings of the server, template, project and session, in increasing precedence. Called for each turn. */
export function createAgentProfileResolver(deps: Deps): AgentProfileResolver {
  const { agents, templates, usualOf, denied, more = [], computers = () => [], modelFor, usualModel } = deps;
  const ofProjects = createToolRegistry(undefined, 'off', more);

  /** A session remains readable even if its model cannot be created. */
  const created = (name: string, fallbacks: readonly string[] | undefined): Promise<Model> =>
    modelFor(name, fallbacks).catch((thrown: unknown) => {
      const { code, publicMessage } = toAppError(thrown);
      if (thrown instanceof MissingKeyError) return refusingModel(name, 'model_unauthorized', publicMessage);
      if (code === 'invalid_request') return refusingModel(name, 'model_unknown', publicMessage);
      return refusingModel(name, 'model_unauthorized', `${parseModelRef(name).provider}: ${publicMessage}`);
    });

  return async (session) => {
    const { owner, projectId } = session;
    // The project may have been deleted.
    const [usual, config, chosenModel] = await Promise.all([
      usualOf(),
      projectId === null ? undefined : agents.get(projectId).catch(() => undefined),
      session.model === undefined ? usualModel?.() : undefined,
    ]);
    const name = templateNameOf(session, config);
    const template = name === undefined ? plain : templates.find(name);
    if (template === undefined) {
      return { ...usual, model: refusingModel(usual.model.name, 'not_found', missing(name ?? '')) };
    }
    const model = await selectModel(session, { config, template, usual, chosenModel });
    if (session.agent) {
      const own = buildSessionAgentProfile(session.agent, {
        usual,
        denied: denied?.() ?? [],
        session: { owner, projectId },
      });
      const fallbacks = session.fallbacks ?? usual.fallbacks;
      // The demo model needs a plan: each block of its script is a step.
      return { ...usual, ...own, model, fallbacks, plans: model.name === 'demo' };
    }
    const { mode } = template;
    const agent = ownAgentOf(template);
    const plans =
      agent === undefined &&
      (model.name === 'demo' || (mode === undefined ? config === undefined && usual.plans : mode === 'plan-act'));
    const { allow, deny } = template.tools;
    const limits = toLimits(template);
    const off = denied?.() ?? [];
    const unset: unknown[] = [
      agent,
      template.tools.computer,
      config,
      allow,
      deny,
      template.prompt,
      template.promptParts,
      session.fallbacks,
      template.models.fallbacks,
      template.skills,
      template.children,
      template.memory,
      session.parent,
    ];
    unset.push(session.toolServers, template.mcp.servers, off[0]);
    const isUsual = unset.every((it) => it === undefined) && Object.keys(limits).length === 0;
    if (isUsual && model === usual.model && plans === usual.plans) return usual;
    const passes = (tool: Pick<ToolDescription, 'name' | 'group'>) =>
      allowsTool(template.tools, tool) && allowsTool({ deny: off }, tool);
    const prompt = config === undefined ? template.prompt : promptOf(config, template);
    const sampling = config && parseSampling(config.options);
    const memory = memoryOf(usual, template);
    const whole: AgentProfile = {
      model,
      plans,
      allows: passes,
      ...limitsOver(usual, limits),
      toolServers: addedUp(usual.toolServers, template.mcp.servers, config?.toolServers, session.toolServers),
      fallbacks: fallbacksOf(session, { config, template }) ?? usual.fallbacks,
      tools: config
        ? filterTools(
            withComputer(ofProjects, template, model),
            inProject(config, passes, (tool) => allowsTool({ deny: off }, tool)),
          )
        : filterTools(withComputer(usual.tools, template, model), passes),
      ...(prompt !== undefined && { prompt }),
      ...(template.promptParts && { promptParts: template.promptParts }),
      ...(template.skills && { skills: template.skills }),
      ...(template.children !== undefined && { children: template.children }),
      ...(memory && { memory }),
      ...(sampling && { sampling }),
      ...(agent && { agent }),
    };
    return session.parent ? childProfile(whole, session) : whole;
  };

  /** A role replaces a child's instructions and removes tools, but adds none. */
  function childProfile(whole: AgentProfile, { parent }: SessionRecord): AgentProfile {
    const role = parent?.role == null ? undefined : templates.find(parent.role);
    const passes = (tool: Pick<ToolDescription, 'name' | 'group'>) => !role || allowsTool(role.tools, tool);
    return {
      ...whole,
      tools: filterTools(whole.tools, passes),
      allows: (tool) => (whole.allows?.(tool) ?? true) && passes(tool),
      ...(role?.prompt !== undefined && { prompt: role.prompt }),
      ...(role?.mode !== undefined && { plans: role.mode === 'plan-act' }),
    };
  }

  function withComputer(base: ToolRegistry, { tools: { computer } }: TemplateAgent, { name }: Model): ToolRegistry {
    if (computer === undefined) return base;
    const known = parseModelRef(name).provider === 'gemini' ? 'gemini' : 'claude';
    const all = computers(computer === 'auto' ? known : computer);
    const others = filterTools(base, (tool) => !isComputer.has(tool.name));
    return withTools(others, { declared: all, all });
  }

  async function selectModel(
    session: SessionRecord,
    { config, template, usual, chosenModel }: Layers & { usual: AgentProfile; chosenModel: string | undefined },
  ): Promise<Model> {
    const ofProject = config && formatModelRef(config.provider, config.model);
    const chosen = session.model ?? (config?.isOwnModel ? ofProject : template.model);
    const name = chosen ?? chosenModel ?? ofProject ?? template.model;
    const fallbacks = fallbacksOf(session, { config, template });
    if (name === undefined && fallbacks === undefined) return usual.model;
    return await created(name ?? usual.model.name, fallbacks);
  }

  function promptOf({ prompt, template: applied }: AgentConfig, template: TemplateAgent): string | undefined {
    const isOwn = prompt !== (templates.find(applied)?.prompt ?? null);
    return isOwn || applied === template.name ? (prompt ?? undefined) : template.prompt;
  }

  /** The template's rules apply only to groups that the project did not add or remove. */
  function inProject({ tools: chosen, template: applied }: AgentConfig, passes: ToolFilter, isOn: ToolFilter) {
    const copied = templates.find(applied)?.groups ?? [];
    return (tool: ToolDescription): boolean => {
      const { group } = tool;
      const isChosen = group === 'always' || chosen.includes(group);
      const fits = group === 'always' || isChosen === copied.includes(group) ? passes(tool) : isChosen;
      return fits && isOn(tool);
    };
  }
}

type ToolFilter = (tool: ToolDescription) => boolean;

function limitsOver(usual: AgentProfile, own: ReturnType<typeof toLimits>): ReturnType<typeof toLimits> {
  const { budget, sessionBudget, approvals } = usual;
  return {
    ...((budget ?? own.budget) && { budget: { ...budget, ...own.budget } }),
    ...((sessionBudget ?? own.sessionBudget) && { sessionBudget: { ...sessionBudget, ...own.sessionBudget } }),
    ...((approvals ?? own.approvals) && { approvals: { ...approvals, ...own.approvals } }),
  };
}

const memoryOf = ({ memory }: AgentProfile, { memory: own }: TemplateAgent): AgentProfile['memory'] =>
  own === undefined ? memory : own === 'off' ? undefined : own;

function templateNameOf({ template, templateBy }: SessionRecord, config: AgentConfig | undefined): string | undefined {
  if (config === undefined) return templateBy === undefined ? undefined : template;
  return templateBy === 'session' ? template : config.template;
}
function ownAgentOf({ agent: { command, auth, mode } }: TemplateAgent): AgentProfile['agent'] {
  return command && { command, ...(auth !== undefined && { auth }), ...(mode !== undefined && { mode }) };
}

const plain: TemplateAgent = {
  name: '',
  agent: {},
  models: {},
  run: {},
  session: {},
  approvals: {},
  mcp: {},
  tools: {},
};
type TemplateAgent = Omit<TemplateInfo, 'label' | 'description' | 'groups' | 'sandbox' | 'packages' | 'egress'>;
const isComputer = new Set(Object.values(computerTools).flatMap((list) => list.map(({ name }) => name)));

interface Layers {
  readonly config: AgentConfig | undefined;
  readonly template: TemplateAgent;
}

const fallbacksOf = ({ fallbacks }: SessionRecord, { config, template }: Layers): readonly string[] | undefined =>
  fallbacks ?? config?.fallbacks ?? template.models.fallbacks;

/** If two servers have the same name, the last one applies. */
const addedUp = (...lists: (readonly McpServer[] | undefined)[]): readonly McpServer[] => [
  ...new Map(lists.flatMap((list) => list ?? []).map((server) => [server.name, server])).values(),
];

const missing = (template: string) =>
  `The session's template ${template} no longer exists: restore templates/${template}.yaml and restart the server, or start a ` +
  'new session with another template.';

function refusingModel(name: string, code: ErrorCode, message: string): Model {
  return {
    name,
    abilities: defaultCapabilities,
    async *turn() {
      yield { type: 'end', outcome: { kind: 'failed', code, message, retryable: false } };
    },
  };
}
