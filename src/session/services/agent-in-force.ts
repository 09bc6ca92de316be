import type { SessionRecord } from '../../core/records.ts';
import type { AgentInForce } from '../api/sessions.ts';
import type { Profile } from '../run/profile.ts';

/** The agent of a session, after all layers of its settings. */
export const agentInForce = (record: SessionRecord, profile: Profile): AgentInForce => ({
  template: record.template,
  mode: profile.plans ? 'plan-act' : 'react',
  model: profile.model.name,
  fallbacks: profile.fallbacks,
  tools: profile.tools.declarations.map(({ name }) => name),
  toolServers: profile.toolServers.map(({ name }) => name),
});
