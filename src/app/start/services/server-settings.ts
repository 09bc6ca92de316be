import type { ModelService } from '../../../sessions/api/models.ts';
import type { SettingsService } from '../../../sessions/api/server/settings.ts';
import type { ToolServerService } from '../../../sessions/api/server/tool-servers.ts';
import { createModelService } from '../../../sessions/projects/model-service.ts';
import { createSettingsService } from '../../../sessions/projects/settings-service.ts';
import { createToolServerService } from '../../../sessions/tool-servers/tool-servers.ts';
import {
  chooseNetworkReach,
  createReachLimitedFetch,
  createToolServerFetchFactory,
} from '../../parts/model-addresses.ts';
import { assertKnownNames, listKnownSettings } from '../../settings/live-config.ts';
import type { ServerWithEngine } from '../engine.ts';

export function openServerSettings(
  server: ServerWithEngine,
  needsCredential: () => boolean,
): { readonly models: ModelService; readonly toolServers: ToolServerService; readonly settings: SettingsService } {
  const { config, live, projects, realModels, templates, tools } = server;
  const setBy = (key: string) => config.sources?.[key];
  return {
    toolServers: createToolServerService({
      ...server,
      ...projects.toolServers,
      settings: config.mcp.servers,
      setBy: setBy('mcp.servers') ?? 'mcp.servers in corral.yaml',
      states: server.toolServerStates,
      reach: () =>
        chooseNetworkReach(config, { setting: config.mcp.privateAddresses, needsCredential: needsCredential() }),
      fetchFor: createToolServerFetchFactory(config.egress.allowRanges),
      newRevision: server.newId,
    }),
    models: createModelService({
      ...server,
      directory: projects.directory,
      keys: projects.api.keys,
      settings: config,
      setBy,
      refusal: realModels.refusal,
      checkModel: realModels.check,
      reach: () =>
        chooseNetworkReach(config, { setting: config.models.privateAddresses, needsCredential: needsCredential() }),
      fetchWithin: createReachLimitedFetch,
    }),
    settings: createSettingsService({
      settings: listKnownSettings(config, live, tools),
      stored: server.changed,
      check: (key, value) => assertKnownNames(key, value, { tools, templates }),
    }),
  };
}
