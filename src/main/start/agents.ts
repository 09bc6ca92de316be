import { AcpAgents } from '../../acp/agents.ts';
import { BrowserPool } from '../../browser/pool.ts';
import { guardedFetch } from '../../egress/guarded-fetch.ts';
import { filePath } from '../../facades/sheikhbox/file-infos.ts';
import { Kernels } from '../../kernels/kernels.ts';
import type { Model } from '../../llm/model.ts';
import { createModel } from '../../llm/registry.ts';
import { ToolServers } from '../../mcp/tool-servers.ts';
import type { TemplateService } from '../../session/api/templates.ts';
import { shareControl } from '../../session/cluster/shared-control-lease.ts';
import { agentDesktop } from '../../session/desktop/agent-desktop.ts';
import { DesktopScreens } from '../../session/desktop/screens.ts';
import { type PictureService, pictureService } from '../../session/desktop/screenshots.ts';
import { templateService } from '../../session/projects/templates.ts';
import type { AgentDesktop } from '../../session/run/run-context.ts';
import { codeTool } from '../../tools/code.ts';
import { pictureScaler } from '../../tools/computer/picture-scaler.ts';
import { type ComputerShape, computerToolsOn } from '../../tools/list.ts';
import { type ToolRegistry, toolRegistry } from '../../tools/registry.ts';
import { pageThread } from '../../web/page-text.ts';
import { customTools } from '../custom-tools.ts';
import { besideSettings } from '../local-config.ts';
import { type ProjectParts, projectParts } from '../projects.ts';
import { readTemplates } from '../read-templates.ts';
import { searchTools } from '../search-tools.ts';
import { pageTools } from '../web-pages.ts';
import type { Sandboxes } from './sandboxes.ts';
import { inBackground, type Startup } from './startup.ts';
import type { Storage } from './storage.ts';

/** The third phase: what the agents of sessions think and work with. */
export interface Agents extends AsyncDisposable {
  /** The model of sessions without a project. */
  readonly model: Model;
  readonly tools: ToolRegistry;
  readonly projects: ProjectParts;
  readonly templates: TemplateService;
  readonly desktop: AgentDesktop;
  readonly toolServers: ToolServers;
  readonly kernels: Kernels;
  readonly loops: AcpAgents;
  readonly pictures: PictureService;
  /** The screens that people watch; an agent waits while a person has the keyboard and mouse. */
  readonly screens: DesktopScreens;
}

function screenOf(geometry: string): { width: number; height: number } {
  const [width = 0, height = 0] = geometry.split('x').map(Number);
  return { width, height };
}

export async function openAgents(
  startup: Startup,
  storage: Storage,
  { facts, realModels, fetch, credentials }: Sandboxes,
): Promise<Agents> {
  const { config, clock, ids, logger, closing } = startup;
  const { store, blobs, replica } = storage;
  await using stack = new AsyncDisposableStack();
  const newId = () => ids.short();
  const model = await createModel(config.model, { models: config.models, clock, newId, random: Math.random });
  const pages = stack.use(pageThread());
  const kernels = new Kernels({ clock, newNonce: newId });
  const more = [
    ...[codeTool(kernels), ...searchTools(config.search), ...pageTools(config.egress, { fetch, pages })],
    ...(await customTools(besideSettings('tools'))),
  ];
  const computers = (shape: ComputerShape) => computerToolsOn(shape, screenOf(config.desktop.geometry));
  const tools = toolRegistry(undefined, 'off', [...more, ...computers(config.tools.computer)]);
  const { servers } = config.mcp;
  const usual = { model, fallbacks: config.models.fallbacks, toolServers: servers, tools, plans: true };
  const templates = templateService(readTemplates(config, tools));
  const projects = await projectParts({
    ...startup,
    store,
    blobs,
    more,
    computers,
    templates,
    usual,
    checkModel: realModels.check,
    onCredentials: () => credentials.changed(),
  });
  credentials.readFrom({ keys: projects.api.keys.use, ring: projects.credentials });
  stack.use(inBackground(closing, projects.rotate));
  stack.defer(() => pictureScaler[Symbol.asyncDispose]());
  const { maxTabs, maxDownload: maxDownloadBytes } = config.browser;
  const limits = { maxTabs, maxDownloadBytes, navigationMs: 30_000, answerMs: 10_000 };
  const browsers = stack.use(new BrowserPool({ clock, limits }));
  const pictures = pictureService({
    uploads: projects.api.uploads,
    keepPerSession: config.browser.screenshots,
    newName: () => `${clock.now()}-${ids.short()}`,
    urlOf: filePath,
    warn: (about, text) => logger.warn(about, text),
  });
  const named = templates.list().flatMap(({ mcp }) => mcp.servers ?? []);
  for (const it of [...servers, ...named]) if ('headers' in it) Object.values(it.headers).forEach(startup.learn);
  const toolServers = stack.use(
    new ToolServers({
      clock,
      newName: () => ids.short(),
      fetch: guardedFetch({ addresses: { allowRanges: config.egress.allowRanges } }),
      warn: (about, text) => logger.warn(about, text),
    }),
  );
  const server = replica.name;
  const screens = new DesktopScreens({
    clock,
    facts,
    settings: config.desktop,
    shareControl: server === undefined ? undefined : shareControl({ leases: store.leases, clock, server }),
  });
  const held = stack.move();
  return {
    model,
    tools,
    projects,
    templates,
    toolServers,
    kernels,
    loops: new AcpAgents({ records: store.records, clock, newId }),
    pictures,
    screens,
    desktop: agentDesktop(browsers, pictures),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
