import { z } from 'zod';
import { listOf, oneOf } from '../../../config/kinds.ts';
import { defineSetting } from '../../../config/setting.ts';

export const managedAgentsSettings = z.strictObject({
  facade: defineSetting(
    oneOf('off', 'on'),
    'off',
    "whether programs written on Anthropic's Managed Agents API can use this server",
    'CORRAL_MANAGED_AGENTS',
  ),
  root: defineSetting(
    oneOf('off', 'on'),
    'off',
    'whether the API is also served without the prefix /anthropic, as /v1/agents, /v1/sessions and so on',
  ),
  models: defineSetting(
    listOf('name=provider/model', z.string().regex(/^[^=\s]{1,100}=(demo|[a-z0-9][a-z0-9-]{0,30}\/\S+)$/)),
    [],
    'models for the names in programs, such as `claude-*=openai/gpt-5`; the first match applies',
  ),
});
export type ManagedAgentsSettings = z.output<typeof managedAgentsSettings>;
