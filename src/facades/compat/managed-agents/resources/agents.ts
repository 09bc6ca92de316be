import { AppError } from '../../../../core/errors/errors.ts';
import type { StoredDocument } from '../../../../sessions/api/server/documents.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError } from '../errors.ts';
import type { ApiRoutes } from '../route.ts';
import { parseInput, readListPage, toIsoTime, toIsoTimeOrNull } from '../wire.ts';
import { applyAgentChange, createAgentContent } from './agent-content.ts';
import { AgentChange, AgentContent, NewAgent } from './agent-shapes.ts';
import { resolveSkillVersions } from './agent-skills.ts';
import { pinAgentVersions, toRoster, withRoster } from './multiagent.ts';

type Documents = Services['documents'];

export const toAgent = ({ id, version, content, createdAt, updatedAt, archivedAt }: StoredDocument) => ({
  id,
  type: 'agent' as const,
  version,
  ...shownContent(AgentContent.parse(content), { id, version }),
  created_at: toIsoTime(createdAt),
  updated_at: toIsoTime(updatedAt),
  archived_at: toIsoTimeOrNull(archivedAt),
});

function shownContent(content: AgentContent, own: { readonly id: string; readonly version: number }) {
  const entries = toRoster(content.multiagent).map((entry) =>
    entry.type === 'self' ? { ...own, ...agentType } : entry,
  );
  return { ...content, multiagent: withRoster(content.multiagent, entries) };
}
const agentType = { type: 'agent' as const };

/** Rejects: not_found, including for an id of another kind. */
export async function readDocument(documents: Documents, kind: StoredDocument['kind'], id: string, version?: number) {
  const doc = await documents.get(id, version);
  if (doc.kind !== kind) throw new AppError('not_found', `There is no ${kind} ${id}.`);
  return doc;
}

/** Archiving an agent also archives its deployments. */
export function createAgentRoutes(
  { documents, skills }: Pick<Services, 'documents' | 'skills'>,
  archiveDeploymentsOf: (agent: string) => Promise<void>,
): ApiRoutes {
  const anAgent = (id: string, version?: number) => readDocument(documents, 'agent', id, version);
  return {
    'POST /v1/agents': {
      least: 'create',
      async run({ body }) {
        const input = parseInput(NewAgent, body);
        const content = createAgentContent(input, await pinAgentVersions(input.multiagent ?? null, { agent: anAgent }));
        await resolveSkillVersions(content.skills, skills);
        return toAgent(await documents.create({ kind: 'agent', content }));
      },
    },
    async 'GET /v1/agents'({ query }) {
      const isWithin = query.within('created_at');
      const read = async () =>
        (await documents.list('agent')).filter((doc) => query.shows(doc) && isWithin(doc.createdAt));
      return await readListPage({ query, name: 'agents', read, show: toAgent });
    },
    async 'GET /v1/agents/:id'({ params: { id = '' }, query }) {
      const version = query.integer('version', { min: 1, max: 999_999_999, usual: 0 });
      return toAgent(await readDocument(documents, 'agent', id, version === 0 ? undefined : version));
    },
    async 'POST /v1/agents/:id'({ params: { id = '' }, body }) {
      const { version, ...change } = parseInput(AgentChange, body);
      const now = await readDocument(documents, 'agent', id);
      if (version !== undefined && version !== now.version)
        throw new AppError(
          'conflict',
          `The agent has version ${now.version} now, not ${version}. Read it again first.`,
        );
      if (now.archivedAt !== null)
        throw invalidRequestError('The agent is archived and cannot be changed.', 'agent_archived');
      const before = AgentContent.parse(now.content);
      const { multiagent } = change;
      const roster =
        multiagent === undefined
          ? before.multiagent
          : await pinAgentVersions(multiagent, { id, now: before.multiagent, agent: anAgent });
      const content = applyAgentChange(before, change, roster);
      if (change.skills) await resolveSkillVersions(content.skills, skills);
      return toAgent(await documents.update(id, { content, version: now.version }));
    },
    async 'GET /v1/agents/:id/versions'({ params: { id = '' }, query }) {
      await readDocument(documents, 'agent', id);
      const read = async () => (await documents.versions(id)).map((doc) => ({ doc, id: String(doc.version) }));
      return await readListPage({ query, name: `versions ${id}`, read, show: ({ doc }) => toAgent(doc) });
    },
    async 'POST /v1/agents/:id/archive'({ params: { id = '' } }) {
      await readDocument(documents, 'agent', id);
      const archived = await documents.update(id, { archived: true });
      await archiveDeploymentsOf(id);
      return toAgent(archived);
    },
  };
}
