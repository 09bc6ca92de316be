import { later } from '../later.tsx';

// Few people open these pages, so their code loads with the first look.
const ApiKeys = later(async () => (await import('./keys.tsx')).ApiKeys);
const SandboxSecrets = later(async () => (await import('./secrets.tsx')).SandboxSecrets);
const Memory = later(async () => (await import('../memory/memory.tsx')).Memory);
const BuiltTemplates = later(async () => (await import('../templates/templates.tsx')).BuiltTemplates);
const ToolServers = later(async () => (await import('../tool-servers/tool-servers.tsx')).ToolServers);
const Usage = later(async () => (await import('../usage/usage.tsx')).Usage);
const Webhooks = later(async () => (await import('../webhooks/webhooks.tsx')).Webhooks);

export const ApiKeysSection = () => <ApiKeys />;
export const SecretsSection = () => <SandboxSecrets />;
export const MemorySection = () => <Memory />;
export const BuiltTemplatesSection = () => <BuiltTemplates />;
export const ToolServersSection = () => <ToolServers />;
export const UsageSection = () => <Usage />;
export const WebhooksSection = () => <Webhooks />;
