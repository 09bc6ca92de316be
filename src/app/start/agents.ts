import { AcpAgents } from '../../agents/acp/agents.ts';
import { BrowserSessionRegistry } from '../../agents/browser/pool.ts';
import { KernelRegistry } from '../../agents/kernels/kernels.ts';
import { ToolServerStates } from '../../agents/mcp/states.ts';
import { ToolServers } from '../../agents/mcp/tool-servers.ts';
import { createModel } from '../../agents/models/registry.ts';
import { createPageTextThread } from '../../agents/page-fetch/page-text.ts';
import { fetchFromSearchEngine } from '../../agents/search/engine-fetch.ts';
import { createWebSearch } from '../../agents/search/engines.ts';
import { createCodeTool } from '../../agents/tools/code.ts';
import { pictureScaler } from '../../agents/tools/computer/picture-scaler.ts';
import { loadCustomTools } from '../../agents/tools/custom/custom-tools.ts';
import { type ComputerToolVariant, createComputerTools } from '../../agents/tools/list.ts';
import { createToolRegistry, filterTools } from '../../agents/tools/registry.ts';
import { allowsTool } from '../../agents/tools/selection.ts';
import type { Tool } from '../../agents/tools/tool.ts';
import { createWebSearchTool } from '../../agents/tools/web/search.ts';
import { toDownloadPath } from '../../facades/compat/sheikhbox/files/file-infos.ts';
import { createSharedDesktopControlFactory } from '../../sessions/cluster/shared-control-lease.ts';
import { DesktopHubRegistry } from '../../sessions/desktop/screen.ts';
import { createDesktopProvider, createScreenshotStore } from '../../sessions/desktop/screenshots.ts';
import { NoteStore } from '../../sessions/memory/notes.ts';
import { createTemplateService } from '../../sessions/projects/templates.ts';
import { SkillRecords } from '../../sessions/skills/records.ts';
import { SessionSkillResolver } from '../../sessions/skills/session-skills.ts';
import { createSkillService } from '../../sessions/skills/skills.ts';
import { McpTokenProvider } from '../../sessions/vaults/mcp-tokens.ts';
import { findFolderNextToConfig } from '../commands/local-config.ts';
import { createToolServerFetchFactory } from '../parts/model-addresses.ts';
import { assertKnownTools, toCheckedApprovalPolicy, toProfileLimits } from '../parts/policies.ts';
import { openProjectInfrastructure } from '../parts/projects.ts';
import { checkToolNames } from '../parts/read-templates.ts';
import { createProxiedWebFetchTool } from '../parts/web-pages.ts';
import type { Config } from '../settings/config.ts';
import type { SandboxInfrastructure } from './sandboxes.ts';
import { runInBackground, type StartupContext } from './startup.ts';
import type { StorageServices } from './storage.ts';

type ServerWithSandboxes = StartupContext & StorageServices & SandboxInfrastructure;
export type ServerWithAgents = ServerWithSandboxes & Awaited<ReturnType<typeof openAgentServices>>;

function screenOf(geometry: string): { width: number; height: number } {
  const [width = 0, height = 0] = geometry.split('x').map(Number);
  return { width, height };
}

/** Denies web_fetch under the egress policy `none`, because the tool uses the sandboxes' egress. */
const deniedIn = ({ tools, egress }: Config): readonly string[] =>
  egress.policy === 'none' ? [...tools.deny, 'web_fetch'] : tools.deny;

function onceFor<Answer>(make: (config: Config) => Answer): (config: Config) => Answer {
  let last: { readonly of: Config; readonly answer: Answer } | undefined;
  return (config) => {
    if (last?.of !== config) last = { of: config, answer: make(config) };
    return last.answer;
  };
}

export async function openAgentServices(server: ServerWithSandboxes) {
  const { config, clock, newId, live, credentials } = server;
  await using stack = new AsyncDisposableStack();
  const model = await createModel(config.model, { models: config.models, clock, newId, random: Math.random });
  const pages = stack.use(createPageTextThread());
  const kernels = new KernelRegistry({ clock, newNonce: newId });
  const more = [
    ...[
      createCodeTool(kernels),
      ...createSearchTools(config.search),
      createProxiedWebFetchTool({ fetch: server.fetch, pages }),
    ],
    ...(await loadCustomTools(findFolderNextToConfig('tools'))),
  ];
  const computers = (shape: ComputerToolVariant) => createComputerTools(shape, screenOf(config.desktop.geometry));
  const tools = createToolRegistry(undefined, 'off', [...more, ...computers(config.tools.computer)]);
  const { servers } = config.mcp;
  toCheckedApprovalPolicy(config.approvals, tools);
  assertKnownTools('tools.deny', config.tools.deny, tools);
  const { fallbacks } = config.models;
  const { agents: _, ...noteLimits } = config.memory;
  const notes = new NoteStore({ ...server, limits: noteLimits });
  const usual = onceFor((now: Config) => {
    const off = deniedIn(now);
    const allowed = off.length === 0 ? tools : filterTools(tools, (tool) => allowsTool({ deny: off }, tool));
    const usual = {
      model,
      fallbacks,
      toolServers: servers,
      tools: allowed,
      plans: true,
      ...toProfileLimits(now),
    };
    const { agents: memory } = now.memory;
    return memory === 'off' ? usual : { ...usual, memory };
  });
  checkToolNames(server.templateFiles, tools);
  const templates = createTemplateService(server.templateFiles.map(({ template }) => template));
  const projects = await openProjectInfrastructure({
    ...server,
    more,
    computers,
    templates,
    usualOf: () => usual(live.now),
    denied: () => deniedIn(live.now),
    checkModel: server.realModels.check,
    forgetNotes: (id) => notes.forget({ of: 'project', id }),
    onCredentials: () => credentials.changed(),
  });
  const skills = createSkillService({
    ...server,
    records: new SkillRecords(server),
    templates: templates.list,
  });
  const sessionSkills = new SessionSkillResolver({
    skills,
    newId,
    readPins: async (session) => (await projects.profileOf(session)).skills ?? [],
  });
  credentials.readFrom({
    keys: projects.api.keys.use,
    ring: projects.credentials,
    variables: (vaults) => projects.vaultCredentials.readVariables(vaults),
  });
  stack.use(runInBackground(server.closing, projects.rotate));
  stack.defer(() => pictureScaler[Symbol.asyncDispose]());
  const { maxTabs, maxDownload: maxDownloadBytes } = config.browser;
  const limits = { maxTabs, maxDownloadBytes, navigationMs: 30_000, answerMs: 10_000 };
  const browsers = stack.use(
    new BrowserSessionRegistry({
      clock,
      limits,
      readTree: async (tree, signal) => (await pages.do({ tree }, signal))?.markdown,
    }),
  );
  const pictures = createScreenshotStore({
    uploads: projects.api.uploads,
    keepPerSession: config.browser.screenshots,
    newName: () => `${clock.now()}-${newId()}`,
    urlOf: toDownloadPath,
    warn: server.warn,
  });
  const named = templates.list().flatMap(({ mcp }) => mcp.servers ?? []);
  for (const it of [...servers, ...named]) if ('headers' in it) Object.values(it.headers).forEach(server.learn);
  const toolServerStates = new ToolServerStates(clock);
  const fetchFor = createToolServerFetchFactory(config.egress.allowRanges);
  const mcpTokens = new McpTokenProvider({
    ...server,
    credentials: projects.vaultCredentials,
    fetch: fetchFor({}),
    onFailure: (credential, vault) => server.news.refreshFailed(credential, vault),
  });
  const toolServers = stack.use(
    new ToolServers({
      ...server,
      newName: newId,
      fetchFor,
      states: toolServerStates,
      tokenFor: (url, vaults, refused) => mcpTokens.of(url, vaults, refused),
    }),
  );
  const own = server.replica.name;
  const screens = new DesktopHubRegistry({
    ...server,
    settings: config.desktop,
    shareControl:
      own === undefined
        ? undefined
        : createSharedDesktopControlFactory({ leases: server.store.leases, clock, server: own }),
  });
  const held = stack.move();
  return {
    model,
    tools,
    projects,
    templates,
    skills,
    notes,
    sessionSkills,
    toolServers,
    toolServerStates,
    mcpTokens,
    kernels,
    loops: new AcpAgents(server),
    pictures,
    screens,
    desktop: createDesktopProvider(browsers, pictures),
    [Symbol.asyncDispose]: (): PromiseLike<void> => held.disposeAsync(),
  };
}

function createSearchTools({ engine, ...settings }: Config['search']): readonly Tool[] {
  return engine === undefined ? [] : [createWebSearchTool(createWebSearch(engine, settings, fetchFromSearchEngine))];
}
