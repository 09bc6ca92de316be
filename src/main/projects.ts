import { vault } from '../auth/vault.ts';
import type { Config } from '../config/config.ts';
import type { BlobStore } from '../core/blobs.ts';
import type { Clock } from '../core/clock.ts';
import { AppError, toAppError } from '../core/errors.ts';
import type { IdSource } from '../core/ids.ts';
import type { Store } from '../core/ports.ts';
import type { Secret } from '../core/secret.ts';
import { createModel } from '../llm/registry.ts';
import type { Logger } from '../observability/logger.ts';
import type { SessionService } from '../session/api/sessions.ts';
import type { EngineOptions } from '../session/engine/engine-options.ts';
import { agentConfigService } from '../session/projects/agent-presets.ts';
import { agentProfiles } from '../session/projects/agent-profile.ts';
import { modelCache } from '../session/projects/model-cache.ts';
import { ProjectCopies } from '../session/projects/project-copies.ts';
import { projectService } from '../session/projects/projects.ts';
import { providerKeyKind, providerKeys } from '../session/projects/provider-keys.ts';
import { providerOf, splitModel } from '../session/projects/providers.ts';
import { uploadService } from '../session/projects/uploads.ts';
import type { Profile } from '../session/run/profile.ts';
import { sideMessages } from '../session/services/side-messages.ts';
import { encryptionKeys } from './encryption-keys.ts';
import { rotateInBackground } from './rotate-keys.ts';

interface Options {
  readonly config: Config;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** Masks a secret in the log from now on. */
  readonly learn: (secret: Secret) => void;
  /** The profile of sessions without a project. */
  readonly usual: Profile;
  /** Fires when the server drains. */
  readonly closing: AbortSignal;
}

/** Projects with their agents, files and keys. The services are for the facade, the hooks for the engine. */
export async function projectParts({ config, store, blobs, clock, ids, logger, learn, usual, closing }: Options) {
  const { records } = store;
  const newId = () => ids.messageId(); // any UUID
  await blobs.check(AbortSignal.timeout(5_000)).catch((error: unknown) => {
    logger.error({ err: error }, `uploads will fail: ${toAppError(error).publicMessage}`);
  });
  const uploads = uploadService({ records, blobs, clock, newId, maxBytes: config.maxUploadBytes });
  await uploads.sweep().catch((error: unknown) => logger.warn({ err: error }, 'old uploads could not be removed'));

  const isSealed = (await records.list(providerKeyKind, { limit: 1 })).length > 0;
  const sealing = await encryptionKeys({ config, isSealed, newKey: () => ids.token() });
  const baseUrls = Object.fromEntries(Object.entries(config.models).map(([name, { baseUrl }]) => [name, baseUrl]));
  const keys = providerKeys({ records, vault: vault(sealing), clock, baseUrls, learn });
  await keys.verify();
  const rotation = sealing.length > 1 ? rotateInBackground({ keys, clock, logger, closing }) : Promise.resolve();

  const agents = agentConfigService({ records, newId, model: config.model });
  const profileOf = agentProfiles({
    agents,
    usual,
    modelFor: modelCache({
      keyFor: async (provider) => (await keys.use(provider)) ?? configuredKey(config, provider),
      create: (name, key) => projectModel(name, { key, config, clock, newId: () => ids.short() }),
    }),
  });
  const copies = new ProjectCopies({ records, uploads, warn: (about, text) => logger.warn(about, text) });
  const onUse: EngineOptions['onUse'] = (session, client, signal) => copies.sync(session, client, signal);

  return {
    profileOf,
    onUse,
    /** Ends soon after `closing` fires, with any outcome. */
    rotation,
    projects: (sessions: SessionService) =>
      projectService({ records, sessions, agents, removeFiles: uploads.deleteProject, newId, clock }),
    api: {
      agents,
      uploads,
      keys,
      sideMessages: sideMessages({ records, clock, newId }),
      maxUploadBytes: config.maxUploadBytes,
    },
  };
}

const configuredKey = ({ models }: Config, provider: string): Secret | undefined =>
  Object.hasOwn(models, provider) ? models[provider as keyof Config['models']].apiKey : undefined;

interface ModelParts {
  readonly key: Secret | undefined;
  readonly config: Config;
  readonly clock: Clock;
  readonly newId: () => string;
}
function projectModel(name: string, { key, config, clock, newId }: ModelParts) {
  const provider = providerOf(splitModel(name).provider);
  if (!provider || provider.models.length === 0) {
    throw new AppError(
      'unsupported',
      `this version cannot speak to ${provider?.name ?? name} yet. Choose another one.`,
    );
  }
  if (provider.envKey !== null && !key) {
    throw new AppError('model_unauthorized', `there is no key. Store one in the settings, or set ${provider.envKey}.`);
  }
  return createModel(name, { keys: { gemini: key }, baseUrls: { gemini: config.models.gemini.baseUrl }, clock, newId });
}
