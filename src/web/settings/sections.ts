import type { ComponentType } from 'preact';
import { currentId } from '../data/sessions.ts';
import type { TextKey } from '../text/texts.ts';
import { AgentSettings } from './agent.tsx';
import { Look } from './look.tsx';
import { Models } from './models.tsx';
import { Network } from './network.tsx';
import { Notifications } from './notifications.tsx';
import {
  ApiKeysSection,
  BuiltTemplatesSection,
  MemorySection,
  SecretsSection,
  ToolServersSection,
  UsageSection,
  WebhooksSection,
} from './secrets/section.tsx';
import { ServerApprovals, ServerDefaults, ServerNetwork } from './server/sections.tsx';

/** A page of the settings. A new one is one file and one line here. */
interface Section {
  readonly id: string;
  readonly label: TextKey;
  /** `again` opens the settings after another dialog took their place. */
  /** Undefined: always. */
  readonly shows?: () => boolean;
  readonly Body: ComponentType<{ again: () => void }>;
}

const hasSession = () => currentId.value !== undefined;

export const sections: readonly Section[] = [
  { id: 'look', label: 'settings.look', Body: Look },
  { id: 'notifications', label: 'settings.notifications', Body: Notifications },
  { id: 'models', label: 'settings.models', Body: Models },
  { id: 'agent', label: 'settings.agent', shows: hasSession, Body: AgentSettings },
  { id: 'network', label: 'settings.network', shows: hasSession, Body: Network },
  { id: 'memory', label: 'memory', Body: MemorySection },
  { id: 'usage', label: 'usage', Body: UsageSection },
  { id: 'server-approvals', label: 'server.approvals', Body: ServerApprovals },
  { id: 'server-network', label: 'server.network', Body: ServerNetwork },
  { id: 'server-defaults', label: 'server.defaults', Body: ServerDefaults },
  { id: 'server-secrets', label: 'server.secrets', Body: SecretsSection },
  { id: 'built-templates', label: 'built', Body: BuiltTemplatesSection },
  { id: 'tool-servers', label: 'toolServers', Body: ToolServersSection },
  { id: 'keys', label: 'server.keys', Body: ApiKeysSection },
  { id: 'webhooks', label: 'webhooks', Body: WebhooksSection },
];
