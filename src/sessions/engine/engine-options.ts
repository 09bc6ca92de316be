import type { SlotKind } from '../../../machines/session.ts';
import type { RestartPolicy } from '../../../machines/supervisor.ts';
import type { ServerParts } from '../../core/contracts/server-parts.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Cluster } from './cluster.ts';
import type { SessionPolicies } from './hydration.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { EngineLogger } from './logger.ts';
import type { AgentParts } from './run-contexts.ts';
import type { SandboxFactChannel } from './sandbox/sandbox-facts.ts';
import type { SandboxParts } from './session-actors.ts';
import type { SessionStreams } from './watchers.ts';
import type { WorkspaceHook } from './workspace-hooks.ts';

export interface EngineOptions extends Pick<ServerParts, 'clock' | 'ids' | 'log' | 'store'> {
  readonly logger: EngineLogger;
  readonly policies: SessionPolicies & {
    readonly restart: RestartPolicy;
    /** How many sessions work, and how many sandboxes start, at the same time; others wait. */
    readonly limits: Readonly<Record<SlotKind, number>>;
  };
  readonly agents: AgentParts;
  readonly sandboxes: SandboxParts;
  readonly liveSessions: LiveSessions;
  readonly hooks: readonly WorkspaceHook[];
  readonly facts: SandboxFactChannel;
  readonly watchers: Pick<SessionStreams, 'isWatched'>;
  /** Called with each fact and its seq once the fact is durable. */
  readonly onFact: (id: SessionId, fact: SessionFact, seq: number) => void;
  readonly onRunEnd: (status: 'completed' | 'stopped' | 'failed') => void;
  /** Undefined: this server owns every session. */
  readonly cluster?: Cluster | undefined;
}
