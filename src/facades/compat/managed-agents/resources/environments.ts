import { z } from 'zod';
import type { StoredDocument } from '../../../../sessions/api/server/documents.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError, ManagedAgentsError } from '../errors.ts';
import { type ApiRoutes, createDeleteHandler } from '../route.ts';
import { applyMetadataChange, Metadata, MetadataChange, parseInput, readListPage, toApiTimes } from '../wire.ts';
import { readDocument } from './agent-content.ts';

/** In the order in which their packages are installed. */
export const packageManagers = ['apt', 'cargo', 'gem', 'go', 'npm', 'pip'] as const;
const host = z.string().regex(/^(\*\.)?([a-z0-9-]+\.)*[a-z0-9-]+(:\d{1,5})?$/i, 'must be a host, or *.host');
const packageName = z.string().regex(/^[^\s;&|`$<>'"\\-][^\s;&|`$<>'"\\]{0,199}$/, 'must be the name of a package');
const names = z.array(packageName).max(200).nullable().optional();
const Packages = z.strictObject({
  type: z.literal('packages').optional(),
  ...(Object.fromEntries(packageManagers.map((one) => [one, names])) as Record<
    (typeof packageManagers)[number],
    typeof names
  >),
});
const Networking = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('unrestricted') }),
  z.strictObject({
    type: z.literal('limited'),
    allowed_hosts: z.array(host).max(256).nullable().optional(),
    allow_mcp_servers: z.boolean().nullable().optional(),
    allow_package_managers: z.boolean().nullable().optional(),
  }),
]);
const ConfigInput = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('cloud'),
    networking: Networking.nullable().optional(),
    packages: Packages.nullable().optional(),
  }),
  z.strictObject({ type: z.literal('self_hosted') }),
]);
const name = z.string().min(1).max(256);
const fields = {
  config: ConfigInput.nullable().optional(),
  description: z.string().max(2_048).nullable().optional(),
  scope: z.enum(['organization', 'account']).nullable().optional(),
};
const NewEnvironment = z.strictObject({ ...fields, name, metadata: Metadata.nullable().optional() });
const EnvironmentChange = z.strictObject({
  ...fields,
  name: name.nullable().optional(),
  metadata: MetadataChange.nullable().optional(),
});

const list = z.array(z.string());
const SelfHostedConfig = z.object({ type: z.literal('self_hosted') });
const CloudConfig = z.object({
  type: z.literal('cloud'),
  networking: z.discriminatedUnion('type', [
    z.object({ type: z.literal('unrestricted') }),
    z.object({
      type: z.literal('limited'),
      allowed_hosts: list,
      allow_mcp_servers: z.boolean(),
      allow_package_managers: z.boolean(),
    }),
  ]),
  packages: z.object({
    type: z.literal('packages'),
    apt: list,
    cargo: list,
    gem: list,
    go: list,
    npm: list,
    pip: list,
  }),
});
export type CloudConfig = z.output<typeof CloudConfig>;
export const EnvironmentContent = z.object({
  name: z.string(),
  description: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  config: z.discriminatedUnion('type', [CloudConfig, SelfHostedConfig]),
});
export type EnvironmentContent = z.output<typeof EnvironmentContent>;
export type EnvironmentConfig = EnvironmentContent['config'];

const none = { type: 'packages' as const, apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] };
export const unrestrictedConfig: CloudConfig = { type: 'cloud', networking: { type: 'unrestricted' }, packages: none };

/** Omitted fields keep their values, unless the networking type changes. */
function resolved(input: z.output<typeof ConfigInput> | null | undefined, now: EnvironmentConfig): EnvironmentConfig {
  if (!input) return now;
  if (input.type === 'self_hosted') return input;
  return resolvedCloud(input, now.type === 'cloud' ? now : unrestrictedConfig);
}
type CloudInput = Extract<z.output<typeof ConfigInput>, { type: 'cloud' }>;
function resolvedCloud(input: CloudInput, now: CloudConfig): CloudConfig {
  const { networking, packages } = input;
  const chosen = Object.fromEntries(Object.entries(packages ?? {}).map(([manager, all]) => [manager, all ?? []]));
  const config = CloudConfig.parse({
    type: 'cloud',
    networking: networking ? merged(networking, now.networking) : now.networking,
    packages: packages ? { ...now.packages, ...chosen, type: 'packages' } : now.packages,
  });
  const hasPackages = packageManagers.some((manager) => config.packages[manager].length > 0);
  const { networking: network } = config;
  if (hasPackages && network.type === 'limited' && !network.allow_package_managers)
    throw invalidRequestError('config.packages: limited networking needs allow_package_managers for packages.');
  return config;
}
function merged(input: z.output<typeof Networking>, now: CloudConfig['networking']): CloudConfig['networking'] {
  if (input.type === 'unrestricted') return input;
  const before = now.type === 'limited' ? now : undefined;
  return {
    type: 'limited',
    allowed_hosts: input.allowed_hosts ?? before?.allowed_hosts ?? [],
    allow_mcp_servers: input.allow_mcp_servers ?? before?.allow_mcp_servers ?? false,
    allow_package_managers: input.allow_package_managers ?? before?.allow_package_managers ?? false,
  };
}
const checkScope = (scope: 'organization' | 'account' | null | undefined) => {
  if (scope === 'account') throw invalidRequestError("scope: 'account' is not possible here; send 'organization'.");
};

export const toEnvironment = ({ id, content, createdAt, updatedAt, archivedAt }: StoredDocument) => ({
  id,
  type: 'environment' as const,
  ...EnvironmentContent.parse(content),
  scope: 'organization' as const,
  ...toApiTimes({ createdAt, updatedAt, archivedAt }),
});

/** The environment shown for sessions from other APIs; it stands for the server's own settings. */
export const serverEnvironmentId = 'env_server';
const ownEnvironment = () => ({
  id: serverEnvironmentId,
  type: 'environment' as const,
  name: 'server',
  description: "The server's own sandboxes, for sessions that were made elsewhere.",
  metadata: {},
  config: unrestrictedConfig,
  scope: 'organization' as const,
  ...toApiTimes({ createdAt: 0, updatedAt: 0, archivedAt: null }),
});

export function createEnvironmentRoutes({
  documents,
  workQueue,
}: Pick<Services, 'documents' | 'workQueue'>): ApiRoutes {
  return {
    'POST /v1/environments': {
      least: 'create',
      async run({ body }) {
        const { name: named, description, metadata, config, scope } = parseInput(NewEnvironment, body);
        checkScope(scope);
        const content: EnvironmentContent = {
          name: named,
          description: description ?? null,
          metadata: metadata ?? {},
          config: resolved(config, unrestrictedConfig),
        };
        return toEnvironment(await documents.create({ kind: 'environment', content }));
      },
    },
    async 'GET /v1/environments'({ query }) {
      const read = async () => (await documents.list('environment')).filter(query.shows);
      return await readListPage({ query, name: 'environments', read, show: toEnvironment });
    },
    'GET /v1/environments/:id': async ({ params: { id = '' } }) =>
      id === serverEnvironmentId ? ownEnvironment() : toEnvironment(await readDocument(documents, 'environment', id)),
    async 'POST /v1/environments/:id'({ params: { id = '' }, body }) {
      const { name: named, description, metadata, config, scope } = parseInput(EnvironmentChange, body);
      checkScope(scope);
      const doc = await readDocument(documents, 'environment', id);
      if (doc.archivedAt !== null) throw invalidRequestError('The environment is archived.', 'environment_archived');
      const now = EnvironmentContent.parse(doc.content);
      if (config && config.type !== now.config.type)
        throw new ManagedAgentsError('invalid_request', 'config.type cannot be changed.', {
          errorCode: 'invalid_config_type_change',
        });
      const content: EnvironmentContent = {
        name: named ?? now.name,
        description: description === undefined ? now.description : description,
        metadata: metadata ? applyMetadataChange(now.metadata, withoutEmpty(metadata)) : now.metadata,
        config: resolved(config, now.config),
      };
      return toEnvironment(await documents.update(id, { content, version: doc.version }));
    },
    async 'POST /v1/environments/:id/archive'({ params: { id = '' } }) {
      await readDocument(documents, 'environment', id);
      return toEnvironment(await documents.update(id, { archived: true }));
    },
    'DELETE /v1/environments/:id': createDeleteHandler('environment_deleted', async (id) => {
      await readDocument(documents, 'environment', id);
      for (const key of await workQueue.keys(id)) await workQueue.revokeKey(id, key.id);
      await documents.delete(id);
    }),
  };
}

/** In this API, an empty metadata value also deletes the key. */
const withoutEmpty = (change: z.output<typeof MetadataChange>) =>
  Object.fromEntries(Object.entries(change).map(([key, value]) => [key, value === '' ? null : value]));
