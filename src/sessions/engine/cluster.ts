import type { EventLog } from '../../core/contracts/ports.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { Ownership, RemoteSandboxAccess } from './ownership.ts';
import type { LocalSandboxes } from './sandbox/sandbox-access.ts';
import type { SessionCommands } from './session-commands.ts';
import type { SessionEvictor } from './session-evictor.ts';
import type { Supervisor } from './supervisor.ts';

// Interfaces to other servers on the same store. Implemented in ../cluster.

/** After `start`, this server also executes commands from other servers. */
export interface ClusterCommands extends SessionCommands, AsyncDisposable {
  start(): void;
}

export interface LocalEngine {
  readonly log: Pick<EventLog, 'page'>;
  readonly supervisor: Supervisor;
  readonly liveSessions: LiveSessions;
  readonly sandboxes: LocalSandboxes;
  readonly eviction: Pick<SessionEvictor, 'fenced'>;
}

export interface Cluster {
  readonly ownership: Ownership;
  connect(local: LocalEngine): { readonly commands: ClusterCommands; readonly sandboxes: RemoteSandboxAccess };
}
