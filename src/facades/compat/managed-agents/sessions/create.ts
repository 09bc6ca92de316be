import { z } from 'zod';
import type { SandboxOptions } from '../../../../core/model/records.ts';
import { maxRepositories } from '../../../../core/model/repository.ts';
import type { Secret } from '../../../../core/text/secret.ts';
import type { StoredDocument } from '../../../../sessions/api/server/documents.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import type { CreateSessionCommand } from '../../../../sessions/api/sessions.ts';
import { invalidRequestError, rethrowNotFoundAs, unsupportedFieldError } from '../errors.ts';
import { applyOverrides, readDocument as keptDocument } from '../resources/agent-content.ts';
import { AgentContent, AgentOverrides } from '../resources/agent-shapes.ts';
import { resolveSkillVersions } from '../resources/agent-skills.ts';
import { type EnvironmentConfig, EnvironmentContent, serverEnvironmentId } from '../resources/environments.ts';
import { findModelRef } from '../resources/models.ts';
import { toRoster } from '../resources/multiagent.ts';
import type { ManagedAgentsSettings } from '../settings.ts';
import { Metadata, parseInput, toIsoTime } from '../wire.ts';
import { assertModelsPriced, BudgetInput, toHardBudget } from './budget.ts';
import { type InboundEvent, parseInboundEvent } from './inbound.ts';
import { type ManagedSessionContent, type RosterAgent, toSessionAgent } from './kept-session.ts';
import { MemoryStoreRequest, maxMemoryStores, prepareMemoryResources } from './memory-resources.ts';
import { prepareRepositoryResources, RepositoryRequest } from './repository-resources.ts';

const agentId = z.string().min(1).max(200);
const version = z.int().min(1).nullable().optional();
const byId = agentId.transform((id) => ({ type: 'agent' as const, id, version: undefined }));
const byVersion = z.strictObject({ type: z.literal('agent'), id: agentId, version });
export const AgentReference = z.union([byId, byVersion]);
const AgentRequest = z.union([
  byId,
  z.discriminatedUnion('type', [
    byVersion,
    z.strictObject({ type: z.literal('agent_with_overrides'), id: agentId, version, ...AgentOverrides.shape }),
  ]),
]);
export const ResourceRequest = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('file'),
    file_id: z.string().min(1).max(200),
    mount_path: z.string().max(1_024).nullable().optional(),
  }),
  RepositoryRequest,
  MemoryStoreRequest,
]);
export const vaultIdsSchema = z.array(z.string()).max(50).nullable().optional();
export const maxSessionFiles = 500;
const NewSession = z.strictObject({
  agent: AgentRequest,
  environment_id: z.string().min(1).max(200),
  title: z.string().max(500).nullable().optional(),
  metadata: Metadata.nullable().optional(),
  resources: z
    .array(ResourceRequest)
    .max(maxSessionFiles + maxMemoryStores + maxRepositories)
    .nullable()
    .optional(),
  vault_ids: vaultIdsSchema,
  budget: BudgetInput,
  initial_events: z.array(z.unknown()).max(50).nullable().optional(),
});

export interface CreateSessionDeps {
  readonly services: Pick<Services, 'documents' | 'memoryStores' | 'models' | 'sessions' | 'skills' | 'vaults'>;
  readonly settings: ManagedAgentsSettings;
  readonly resolveUpload: (fileId: string) => Promise<string>;
  readonly newId: () => string;
  readonly now: () => number;
  readonly deploymentId?: string;
}
interface NewManagedSession {
  readonly command: CreateSessionCommand;
  readonly initial: readonly InboundEvent[];
  readonly tokens: readonly { readonly url: string; readonly token: Secret }[];
}

/** Rejects before anything is created: invalid_request, not_found, unsupported (this server keeps no files). */
export async function prepareManagedSession(body: unknown, deps: CreateSessionDeps): Promise<NewManagedSession> {
  const { services, settings } = deps;
  const values = parseInput(NewSession, body);
  const initial = (values.initial_events ?? []).map((event, n) => {
    const checked = parseInboundEvent(event, n);
    if (checked.type !== 'user.message' && checked.type !== 'user.define_outcome')
      throw invalidRequestError(`initial_events.${n}: only user.message and user.define_outcome can begin a session.`);
    return checked;
  });
  if (initial.filter(({ type }) => type === 'user.define_outcome').length > 1)
    throw invalidRequestError('initial_events: at most one of them can be user.define_outcome.');
  const { doc, content: requested } = await agentFor(values.agent, services.documents);
  const content = { ...requested, skills: await resolveSkillVersions(requested.skills, services.skills) };
  const roster = await rosterFor({ ...doc, content }, deps);
  const { environmentId, config } = await environmentFor(values.environment_id, services.documents);
  if (config?.type === 'self_hosted' && values.resources?.some(({ type }) => type !== 'memory_store'))
    throw invalidRequestError('`resources` are not supported with self-hosted environments.', 'not_supported');
  if (config?.type === 'self_hosted' && roster.length > 0)
    throw unsupportedFieldError('multiagent with a self-hosted environment', 'use an environment of the type "cloud"');
  const vaults = await vaultsFor(values.vault_ids ?? [], services.vaults);
  const requests = values.resources ?? [];
  const memories = await prepareMemoryResources(
    requests.filter((options) => options.type === 'memory_store'),
    services.memoryStores,
  );
  const repositories = prepareRepositoryResources(
    requests.filter((options) => options.type === 'github_repository'),
    deps,
  );
  if (requests.length - memories.length - repositories.length > maxSessionFiles)
    throw invalidRequestError(`resources: a session has at most ${maxSessionFiles} files.`);
  const resources = await prepareFileResources(requests, deps);
  const model = await findModelRef(content.model.id, { models: services.models, settings });
  if (values.budget) await assertModelsPriced([model, ...roster.map((one) => one.model)], services.models);
  const kept: ManagedSessionContent = {
    agentId: doc.id,
    version: doc.version,
    content,
    environmentId,
    vaultIds: vaults,
    deploymentId: deps.deploymentId ?? null,
    archivedAt: null,
    resources: [...[...resources, ...repositories].map(({ shown }) => shown), ...memories],
  };
  const sandbox = sandboxFor(config, [content, ...roster.map((one) => one.content)]);
  const files = resources.map(({ file }) => file);
  const command: CreateSessionCommand = {
    origin: 'managedagents',
    model,
    agent: toSessionAgent({ kept, roster, config, files }),
    ...(values.title && { title: values.title }),
    ...(values.metadata && { metadata: values.metadata }),
    ...(sandbox && { sandbox }),
    ...(repositories.length > 0 && { repositories: repositories.map(({ input }) => input) }),
    ...(values.budget && { budget: toHardBudget(values.budget) }),
  };
  return { command, initial, tokens: repositories.map(({ shown: { url }, token }) => ({ url, token })) };
}

async function agentFor(requested: z.output<typeof AgentRequest>, documents: Services['documents']) {
  const doc = await keptDocument(documents, 'agent', requested.id, requested.version ?? undefined);
  if (doc.archivedAt !== null) throw invalidRequestError(`agent: ${requested.id} is archived.`, 'agent_archived');
  const base = AgentContent.parse(doc.content);
  if (requested.type === 'agent') return { doc, content: base };
  const { type: _, id: __, version: ___, ...overrides } = requested;
  return { doc, content: applyOverrides(base, overrides) };
}

const maxRosterChars = 512 * 1024; // limited: the session's record stores the roster
async function rosterFor(
  own: Pick<StoredDocument, 'id' | 'version'> & { readonly content: AgentContent },
  { services, settings }: CreateSessionDeps,
): Promise<RosterAgent[]> {
  const roster: RosterAgent[] = [];
  for (const entry of toRoster(own.content.multiagent)) {
    const { id, version } = entry.type === 'self' ? own : entry;
    const found = entry.type === 'self' ? own : await rosterAgent(entry, services.documents);
    const content = { ...AgentContent.parse(found.content), multiagent: null };
    const skills = await resolveSkillVersions(content.skills, services.skills);
    const model = await findModelRef(content.model.id, { models: services.models, settings });
    roster.push({ agentId: id, version, model, content: { ...content, skills } });
  }
  if (JSON.stringify(roster).length > maxRosterChars)
    throw invalidRequestError(`multiagent: the agents have more than ${maxRosterChars} characters together.`);
  return roster;
}
async function rosterAgent({ id, version }: { id: string; version: number }, documents: Services['documents']) {
  const doc = await keptDocument(documents, 'agent', id, version);
  if (doc.archivedAt !== null) throw invalidRequestError(`multiagent: ${id} is archived.`, 'agent_archived');
  return doc;
}

/** In order of precedence. Another owner's vault is treated as missing. */
async function vaultsFor(requested: readonly string[], vaults: Services['vaults']): Promise<string[]> {
  const ids = [...new Set(requested)];
  for (const id of ids) {
    const gone = rethrowNotFoundAs(`vault_ids: there is no vault ${id}.`, 'vault_not_found');
    const vault = await vaults.get(id).catch(gone);
    if (vault.archivedAt !== null) throw invalidRequestError(`vault_ids: ${id} is archived.`, 'vault_archived');
  }
  return ids;
}

async function environmentFor(id: string, documents: Services['documents']) {
  if (id === serverEnvironmentId) return { environmentId: id, config: undefined };
  const gone = rethrowNotFoundAs(`environment_id: there is no environment ${id}.`, 'environment_not_found');
  const doc = await keptDocument(documents, 'environment', id).catch(gone);
  if (doc.archivedAt !== null) throw invalidRequestError(`environment_id: ${id} is archived.`, 'environment_archived');
  return { environmentId: id, config: EnvironmentContent.parse(doc.content).config };
}

/** The server's own egress policy still applies. */
function sandboxFor(
  config: EnvironmentConfig | undefined,
  agents: readonly AgentContent[],
): SandboxOptions | undefined {
  if (config?.type !== 'cloud' || config.networking.type !== 'limited') return undefined;
  const { allowed_hosts: hosts, allow_mcp_servers: isMcp } = config.networking;
  const more = isMcp ? agents.flatMap((agent) => agent.mcp_servers.map(({ url }) => new URL(url).host)) : [];
  return { egress: [...new Set([...hosts, ...more])] };
}

/** Each added file needs its own path below `/mnt/session/uploads`. `taken`: paths already in use. */
export async function prepareFileResources(
  requests: readonly z.output<typeof ResourceRequest>[],
  { resolveUpload, newId, now }: Pick<CreateSessionDeps, 'resolveUpload' | 'newId' | 'now'>,
  taken: readonly string[] = [],
) {
  const paths = new Set(taken);
  const resources = [];
  for (const [n, requested] of requests.entries()) {
    if (requested.type !== 'file') continue;
    const upload = await resolveUpload(requested.file_id);
    const path = parseMountPath(requested.mount_path ?? requested.file_id, n);
    if (paths.has(path)) throw invalidRequestError(`resources.${n}.mount_path: ${path} is there twice.`);
    paths.add(path);
    const at = toIsoTime(now());
    resources.push({
      file: { upload, path },
      shown: {
        id: `sesrsc_${newId()}`,
        type: 'file' as const,
        file_id: requested.file_id,
        mount_path: `${uploadsFolder}/${path}`,
        created_at: at,
        updated_at: at,
      },
    });
  }
  return resources;
}
const uploadsFolder = '/mnt/session/uploads';

function parseMountPath(value: string, n: number): string {
  const below = value.startsWith(`${uploadsFolder}/`) ? value.slice(uploadsFolder.length) : value;
  const parts = below.split('/').filter((part) => part !== '' && part !== '.');
  const isBad = parts.length === 0 || parts.includes('..') || /[\0\r\n]/.test(value);
  if (isBad) throw invalidRequestError(`resources.${n}.mount_path: ${value} is no path below ${uploadsFolder}.`);
  return parts.join('/');
}
