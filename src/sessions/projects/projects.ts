import { forEachConcurrent } from '../../core/concurrency/for-each-concurrent.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { Collection } from '../../storage/collection.ts';
import { Project, type ProjectAgent, type ProjectService } from '../api/projects.ts';
import type { SessionService } from '../api/sessions.ts';
import type { AgentConfig, AgentConfigChange, AgentConfigLife, AgentConfigService } from './agent-config.ts';
import { joinModel, splitModel } from './providers.ts';

interface Deps {
  readonly records: RecordStore;
  readonly sessions: Pick<SessionService, 'pieces' | 'delete'>;
  readonly agents: AgentConfigLife & Pick<AgentConfigService, 'get' | 'update'>;
  /** Deletes a project's files and credentials. */
  readonly removeBelongings: (projectId: string) => Promise<void>;
  readonly newId: () => string;
  readonly clock: Clock;
}
const kind = 'project';
const deletedAtOnce = 8; // sessions

export function projectService({ records, sessions, agents, removeBelongings, newId, clock }: Deps): ProjectService {
  const projects = new Collection<Project>(records, {
    kind,
    schema: Project,
    sortOf: ({ updatedAt }) => updatedAt,
    missing: () => new AppError('not_found', 'There is no such project.'),
  });

  async function removeContent(id: string): Promise<void> {
    const own = (await Array.fromAsync(sessions.pieces({ projectId: id }))).flat();
    await forEachConcurrent(own, deletedAtOnce, (session) => sessions.delete(session.id).catch(ifGone));
    await removeBelongings(id);
  }

  return {
    async list({ skip, limit, owner }) {
      const only = owner === undefined ? {} : { owner };
      const [total, rows] = await Promise.all([
        records.count(kind, only),
        records.list(kind, { ...only, limit: skip + limit }),
      ]);
      return { projects: rows.slice(skip).map(({ doc }) => Project.parse(doc)), total };
    },
    async create({ name, description = null, owner }) {
      const now = clock.now();
      const whose = owner === undefined ? {} : { owner };
      const project = { id: newId(), name, description, createdAt: now, updatedAt: now, ...whose };
      await agents.create(project.id); // first, so that every project has a configuration
      return await projects.create(project);
    },
    get: (id) => projects.get(id),
    update: (id, { name, description }) =>
      projects.change(id, (now) => ({
        ...now,
        ...(name !== undefined && { name }),
        ...(description !== undefined && { description }),
        updatedAt: clock.now(),
      })),
    agent: async (id) => agentOf(await agents.get(id)),
    async changeAgent(id, { model, prompt, tools, fallbacks, toolServers }) {
      const change: AgentConfigChange = {
        ...(model !== undefined && splitModel(model)),
        ...(prompt !== undefined && { prompt }),
        ...(tools !== undefined && { tools: [...tools] }),
        ...(fallbacks !== undefined && { fallbacks: fallbacks && [...fallbacks] }),
        ...(toolServers !== undefined && { toolServers: [...toolServers] }),
      };
      return agentOf(await agents.update(id, change));
    },
    async delete(id) {
      await projects.get(id);
      await removeContent(id);
      await agents.delete(id);
      await projects.delete(id); // last, so that an interrupted deletion can be repeated
      await removeContent(id); // files and sessions created in the meantime; from here on the project cannot be found
    },
  };
}

const agentOf = ({ provider, model, ...config }: AgentConfig): ProjectAgent => ({
  template: config.template,
  prompt: config.prompt,
  tools: config.tools,
  model: joinModel(provider, model),
  fallbacks: config.fallbacks,
  toolServers: config.toolServers,
});

function ifGone(thrown: unknown): void {
  if (!(thrown instanceof AppError && thrown.code === 'session_not_found')) throw thrown;
}
