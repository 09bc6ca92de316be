import { defineFacade } from '../../shared/facade.ts';
import { managedAgentsSettings } from './settings.ts';

export const managedAgents = defineFacade({
  label: 'Managed Agents',
  audience:
    "programs written on Anthropic's SDKs for the Managed Agents API, by base URL and key; off until `CORRAL_MANAGED_AGENTS=on`",
  tag: undefined,
  paths: ['/anthropic'],
  documents: '[managed-agents.md](managed-agents.md)',
  settings: managedAgentsSettings,
  routes: async (parts, settings) =>
    settings.facade === 'on' ? (await import('./routes.ts')).createManagedAgentsRoutes(parts, settings) : [],
});
