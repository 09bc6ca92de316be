import { keyedProviders } from '../../agents/models/providers.ts';
import { createModel, toModelChain } from '../../agents/models/registry.ts';
import type { ComputerToolVariant } from '../../agents/tools/list.ts';
import type { Tool } from '../../agents/tools/tool.ts';
import { readEncryptionKeys } from '../../auth/keys/encryption-keys.ts';
import { createSecretSealer } from '../../auth/vault.ts';
import type { BlobStore } from '../../core/contracts/blobs.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { ResourceOwnership } from '../../core/model/access/holder.ts';
import {
  automationSecretKind,
  credentialKind,
  namedSecretKind,
  toolServerKind,
  vaultCredentialKind,
  webhookKind,
} from '../../core/model/records.ts';
import type { McpServer } from '../../core/model/tool-server.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { Logger } from '../../observability/logger.ts';
import type { TemplateService } from '../../sessions/api/server/templates.ts';
import type { SessionService } from '../../sessions/api/sessions.ts';
import { createAgentConfigService } from '../../sessions/projects/agent-config.ts';
import { createAgentProfileResolver } from '../../sessions/projects/agent-profile.ts';
import { createBoundCredentialStore } from '../../sessions/projects/credentials.ts';
import { ModelSettingsStore } from '../../sessions/projects/model-service.ts';
import { ProjectFileSync } from '../../sessions/projects/project-copies.ts';
import { createProjectService, type MemberDirectory } from '../../sessions/projects/projects.ts';
import { createProviderKeyStore, providerKeyRecordKind } from '../../sessions/projects/provider-keys.ts';
import { createModelResolver, listSupportedProviders } from '../../sessions/projects/providers.ts';
import { createAutomationSecretStore, createWebhookSecretStore } from '../../sessions/projects/sealed-records.ts';
import { createUploadStore } from '../../sessions/projects/uploads.ts';
import type { AgentProfile } from '../../sessions/run/profile.ts';
import { createSideMessageService } from '../../sessions/services/side-messages.ts';
import { createToolServerSecretStore, ToolServerRecords } from '../../sessions/tool-servers/entered.ts';
import { ToolServerOAuthClient } from '../../sessions/tool-servers/sign-in.ts';
import { CredentialRecords } from '../../sessions/vaults/credential-records.ts';
import { NamedSecretStore } from '../../sessions/vaults/named-secrets.ts';
import { rotateKeysInBackground } from '../commands/rotate-keys.ts';
import type { Config } from '../settings/config.ts';
import { createReachLimitedFetch, createToolServerFetchFactory } from './model-addresses.ts';

interface Options extends Pick<ServerDependencies, 'clock' | 'ids' | 'store' | 'warn'> {
  readonly config: Config;
  readonly blobs: BlobStore;
  readonly logger: Logger;
  readonly learn: (secret: Secret) => void;
  readonly usualOf: () => AgentProfile | Promise<AgentProfile>;
  readonly denied: () => readonly string[];
  readonly more: readonly Tool[];
  readonly computers: (shape: ComputerToolVariant) => readonly Tool[];
  readonly templates: TemplateService;
  readonly checkModel: (ref: string) => void;
  readonly forgetNotes: (project: string) => Promise<void>;
  readonly onCredentials: () => void;
}

export async function openProjectInfrastructure({
  config,
  store,
  blobs,
  clock,
  ids,
  logger,
  learn,
  usualOf,
  denied,
  more,
  computers,
  templates,
  checkModel,
  forgetNotes,
  onCredentials,
  warn,
}: Options) {
  const { records } = store;
  const newId = () => ids.messageId(); // a random UUID; nothing in it is specific to messages
  await blobs.check(AbortSignal.timeout(5_000)).catch((error: unknown) => {
    logger.error({ err: error }, `uploads will fail: ${toAppError(error).publicMessage}`);
  });
  const uploads = createUploadStore({ records, blobs, clock, newId, maxBytes: config.maxUploadBytes });
  await uploads
    .sweep(store.shared)
    .catch((error: unknown) => logger.warn({ err: error }, 'old uploads could not be removed'));

  const hasSome = async (kind: string) => (await records.list(kind, { limit: 1 })).length > 0;
  const sealedKinds = [
    providerKeyRecordKind,
    credentialKind,
    webhookKind,
    automationSecretKind,
    toolServerKind,
    vaultCredentialKind,
    namedSecretKind,
  ];
  const isSealed = (await Promise.all(sealedKinds.map(hasSome))).includes(true);
  const sealing = await readEncryptionKeys({ config, isSealed, newKey: () => ids.token() });
  const { compatible } = config.models;
  const providers = listSupportedProviders(compatible);
  const baseUrls = Object.fromEntries(keyedProviders.map(({ name }) => [name, config.models[name].baseUrl]));
  const safe = createSecretSealer(sealing);
  const keys = createProviderKeyStore({ records, vault: safe, clock, baseUrls, compatible, learn });
  const secrets = new NamedSecretStore({ records, vault: safe, clock, ids, learn });
  const secretValue = (id: string, session: ResourceOwnership) => secrets.value(id, session);
  const credentials = createBoundCredentialStore({
    records,
    vault: safe,
    clock,
    learn,
    onChange: onCredentials,
    secretValue,
  });
  const webhooks = createWebhookSecretStore(records, safe);
  const hooks = createAutomationSecretStore(records, safe);
  const ofVaults = new CredentialRecords({ records, vault: safe, learn });
  const entered: ToolServerRecords = new ToolServerRecords({
    records,
    vault: safe,
    learn,
    token: (name, refused) => signIns.token(name, refused),
  });
  const toolSecrets = createToolServerSecretStore(records, safe);
  const sealed = [keys, secrets, credentials, webhooks, hooks, ofVaults, toolSecrets];
  for (const one of sealed) await one.verify();

  const fetchFor = createToolServerFetchFactory(config.egress.allowRanges);
  const signIns = new ToolServerOAuthClient({ entered, fetchFor, clock, newToken: () => ids.token() });

  const directory = new ModelSettingsStore({ records, models: config.models });
  const offered = async () => listSupportedProviders((await directory.config()).compatible);
  const agents = createAgentConfigService({
    records,
    newId,
    templates,
    providers: offered,
    model: config.model,
    checkModel,
  });
  const profileOf = createAgentProfileResolver({
    agents,
    templates,
    usualOf: withEntered(usualOf, entered),
    denied,
    computers,
    more,
    usualModel: async () =>
      config.sources?.model === undefined ? ((await directory.stored()).model ?? undefined) : undefined,
    modelFor: createModelResolver({
      refsOf: (name, fallbacks = config.models.fallbacks) => toModelChain(name, { fallbacks }),
      check: checkModel,
      storedKey: keys.use,
      readState: (provider, ref) => directory.readState(provider, ref),
      create: async (name, fallbacks = config.models.fallbacks) =>
        createModel(name, {
          models: { ...(await directory.config()), fallbacks },
          storedKey: keys.use,
          fetchWithin: createReachLimitedFetch,
          clock,
          newId: ids.short,
          random: Math.random,
        }),
    }),
  });
  const copies = new ProjectFileSync({ records, uploads, warn });

  const removeBelongings = async (project: string) => {
    await uploads.deleteProject(project);
    await credentials.forget(project);
    await forgetNotes(project);
  };
  return {
    profileOf,
    directory,
    credentials,
    webhookSecrets: webhooks,
    hookSecrets: hooks,
    toolServers: { entered, signIns },
    vaultCredentials: ofVaults,
    secrets: secrets.service,
    copies,
    /** Resolves soon after `closing` fires, even if the rotation is unfinished. */
    rotate: async (closing: AbortSignal) => {
      if (sealing.length > 1) await rotateKeysInBackground({ sealed, clock, logger, closing });
    },
    service: (
      sessions: SessionService,
      people: MemberDirectory,
      parts: Required<Pick<Parameters<typeof createProjectService>[0], 'held' | 'moved'>>,
    ) => createProjectService({ records, sessions, agents, ...parts, removeBelongings, people, newId, clock }),
    api: {
      agents,
      providers,
      offered,
      uploads,
      keys,
      sideMessages: createSideMessageService({ records, clock, newId }),
      maxUploadBytes: config.maxUploadBytes,
    },
  };
}

/** Tool servers in the settings take precedence. The profile object stays the same until its inputs change. */
function withEntered(
  usualOf: Options['usualOf'],
  entered: Pick<ToolServerRecords, 'inForce'>,
): () => Promise<AgentProfile> {
  let last:
    | { readonly usual: AgentProfile; readonly own: readonly McpServer[]; readonly profile: AgentProfile }
    | undefined;
  return async () => {
    const [usual, own] = await Promise.all([usualOf(), entered.inForce()]);
    if (own.length === 0) return usual;
    if (last?.usual !== usual || last.own !== own) {
      const isSet = new Set(usual.toolServers.map(({ name }) => name));
      const toolServers = [...own.filter(({ name }) => !isSet.has(name)), ...usual.toolServers];
      last = { usual, own, profile: { ...usual, toolServers } };
    }
    return last.profile;
  };
}
