import type { Driver, SandboxLink, SandboxSpec } from '../../../drivers/driver.ts';
import type { RunPolicy } from '../../../machines/run.ts';
import type { SandboxPolicy } from '../../../machines/sandbox.ts';
import type { SlotKind } from '../../../machines/session.ts';
import type { RestartPolicy } from '../../../machines/supervisor.ts';
import type { Clock } from '../../core/clock.ts';
import type { SessionFact } from '../../core/events.ts';
import type { IdSource, SandboxId, SessionId } from '../../core/ids.ts';
import type { EventLog, Store } from '../../core/ports.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { SandboxClient } from '../../sandbox/client.ts';
import type { ProfileOf } from '../run/profile.ts';
import type { AgentDesktop, Approvals } from '../run/run-context.ts';
import type { Cluster } from './cluster.ts';
import type { DiskFloor } from './disk-floor.ts';
import type { SandboxDeps } from './sandbox-actors.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly driver: Driver;
  readonly profileOf: ProfileOf;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: EngineLogger;
  readonly runPolicy: Omit<RunPolicy, 'plans'>;
  readonly sandboxPolicy: SandboxPolicy;
  readonly restartPolicy: RestartPolicy;
  readonly limits: Readonly<Record<SlotKind, number>>;
  readonly passivateMs: number;
  readonly maxQueued: number;
  readonly toolTimeoutMs: number;
  /** Which calls need a person's permission; undefined: none. */
  readonly approvals?: Approvals | undefined;
  readonly startTimeoutMs: number;
  readonly spec: (sessionId: SessionId, sandboxId: SandboxId) => SandboxSpec;
  /** `epoch` is that of the calling owner; the daemon refuses calls of an earlier owner. */
  readonly connect: (link: SandboxLink & { readonly epoch?: number }) => SandboxClient;
  /** Undefined when other machines, such as the nodes of a cluster, hold the disks of sandboxes. */
  readonly diskFloor?: DiskFloor | undefined;
  readonly prepare: SandboxDeps['prepare'];
  /** Runs before each use of a ready sandbox; an error fails that use. */
  readonly onUse?: (session: SessionRecord, client: SandboxClient, signal: AbortSignal) => Promise<void>;
  readonly workdir: (id: SandboxId) => string;
  /** Resolves when no person has the keyboard and mouse of the session's desktop. */
  readonly gate?: (id: SessionId, signal: AbortSignal) => Promise<void>;
  /** The desktops that agents see and use; undefined when sandboxes have none. */
  readonly agentDesktop?: AgentDesktop;
  readonly isWatched: (id: SessionId) => boolean;
  readonly onFact: (id: SessionId, fact: SessionFact) => void;
  readonly onRunEnd: (status: 'completed' | 'stopped' | 'failed') => void;
  /** The other servers of a shared store; undefined: this server owns every session. */
  readonly cluster?: Cluster | undefined;
}
export interface EngineLogger {
  info(about: object, text: string): void;
  warn(about: object, text: string): void;
  error(about: object, text: string): void;
}
