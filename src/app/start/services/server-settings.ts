import type { ModelService } from '../../../sessions/api/models.ts';
import type { SettingsService } from '../../../sessions/api/server/settings.ts';
import type { ToolServerService } from '../../../sessions/api/server/tool-servers.ts';
import { modelService } from '../../../sessions/projects/model-service.ts';
import { settingsService } from '../../../sessions/projects/settings-service.ts';
import { toolServerService } from '../../../sessions/tool-servers/tool-servers.ts';
import { chooseNetworkReach, fetchWithin, toolFetch } from '../../parts/model-addresses.ts';
import { checkChange, listKnownSettings } from '../../settings/changeable.ts';
import type { Agents } from '../agents.ts';
import type { Sandboxes } from '../sandboxes.ts';
import type { Startup } from '../startup.ts';
import type { Storage } from '../storage.ts';

interface ServerSettingsDeps {
  readonly agents: Agents;
  readonly realModels: Sandboxes['realModels'];
  readonly storage: Pick<Storage, 'live' | 'changed'>;
  /** Whether the API accepts only callers with a key. */
  readonly needsCredential: () => boolean;
}

/** The models, tool servers and page settings that administrators change while the server runs. */
export function openServerSettings(
  { config, clock, ids, learn }: Startup,
  { agents, realModels, storage: { live, changed }, needsCredential }: ServerSettingsDeps,
): { readonly models: ModelService; readonly toolServers: ToolServerService; readonly settings: SettingsService } {
  const { projects, templates, tools } = agents;
  const setBy = (key: string) => config.sources?.[key];
  return {
    toolServers: toolServerService({
      ...projects.toolServers,
      settings: config.mcp.servers,
      setBy: setBy('mcp.servers') ?? 'mcp.servers in corral.yaml',
      templates,
      states: agents.toolServerStates,
      reach: () =>
        chooseNetworkReach(config, { setting: config.mcp.privateAddresses, needsCredential: needsCredential() }),
      fetchFor: toolFetch(config.egress.allowRanges),
      clock,
      newRevision: () => ids.short(),
    }),
    models: modelService({
      directory: projects.directory,
      keys: projects.api.keys,
      settings: config,
      setBy,
      refusal: realModels.refusal,
      checkModel: realModels.check,
      reach: () =>
        chooseNetworkReach(config, { setting: config.models.privateAddresses, needsCredential: needsCredential() }),
      fetchWithin,
      learn,
      clock,
    }),
    settings: settingsService({
      settings: listKnownSettings(config, live),
      stored: changed,
      check: (key, value) => checkChange(key, value, { tools, templates }),
    }),
  };
}
