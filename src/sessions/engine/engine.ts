import type { SlotKind } from '../../../machines/session.ts';
import type { RestartPolicy } from '../../../machines/supervisor.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Cluster } from './cluster.ts';
import { SessionHydrator, type SessionPolicies } from './hydration.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { EngineLogger } from './logger.ts';
import { createLocalOwnership } from './ownership.ts';
import type { AgentDeps } from './run-contexts.ts';
import { RunRecorder } from './run-recorder.ts';
import { DesktopStatusRecorder } from './sandbox/disk-reports.ts';
import { LocalSandboxes, SandboxAccess } from './sandbox/sandbox-access.ts';
import type { SandboxFactChannel } from './sandbox/sandbox-facts.ts';
import { provideSessionMachine, type SandboxEngineDeps } from './session-actors.ts';
import { PendingCommands, type SessionCommands } from './session-commands.ts';
import { SessionEvictor } from './session-evictor.ts';
import { Supervisor } from './supervisor.ts';
import type { SessionStreamRegistry } from './watchers.ts';
import type { WorkspaceHook } from './workspace-hooks.ts';

export interface Engine extends AsyncDisposable {
  start(): void;
  readonly commands: SessionCommands;
  readonly supervisor: Supervisor;
  readonly liveSessions: LiveSessions;
  readonly sandboxes: SandboxAccess;
  readonly reports: DesktopStatusRecorder;
}

export function createEngine(options: EngineOptions): Engine {
  const { store, log, clock, ids, logger, policies, facts, onFact, onRunEnd, cluster } = options;
  const { records } = store;
  const ownership = cluster?.ownership ?? createLocalOwnership();
  const { liveSessions, hooks } = options;
  const pendingCommands = new PendingCommands();
  const memory = { liveSessions, pendingCommands };
  const { restart: restartPolicy, limits } = policies;
  const of = { ...memory, restartPolicy, limits, isShared: ownership.isShared };
  const supervisor = new Supervisor({ clock, ids, logger, ...of });
  const runs = new RunRecorder({ ...memory, ids, clock, logger, onRunEnd });
  const eviction = new SessionEvictor({ ...memory, records, logger, ownership, supervisor, runs });
  const own = new LocalSandboxes({ ...memory, supervisor, ids, clock, hooks });
  const others = cluster?.connect({ log, supervisor, liveSessions, sandboxes: own, eviction });
  const remoteSandboxes = others?.sandboxes;
  const commands = others?.commands ?? supervisor;
  const reports = new DesktopStatusRecorder({ liveSessions, facts });
  const hydration = new SessionHydrator({
    ...options,
    onFact(id, fact, seq) {
      const live = liveSessions.get(id);
      if (live) for (const hook of hooks) hook.onFact?.(live, fact, seq);
      onFact(id, fact, seq);
    },
    ownership,
    remoteSandboxes,
    profileOf: options.agents.profileOf,
  });
  const releases = new Set<Promise<unknown>>();
  const track = (released: Promise<unknown>) => {
    releases.add(released);
    void released.finally(() => releases.delete(released));
  };
  const session = provideSessionMachine({ ...options, pendingCommands, own, ownership, runs, reports, track });
  facts.listen((id, fact) => commands.tell(id, fact));

  return {
    commands,
    supervisor,
    liveSessions,
    reports,
    sandboxes: new SandboxAccess({ own, store, liveSessions, ownership, remoteSandboxes }),
    start() {
      supervisor.start({ session, hydrate: (id, signal) => hydration.make(id, signal) }, eviction);
      others?.commands.start();
    },
    /** Runs stay unfinished in the log; sandboxes can be adopted later. */
    async [Symbol.asyncDispose]() {
      await others?.commands[Symbol.asyncDispose]();
      await remoteSandboxes?.[Symbol.asyncDispose]();
      for (const { runWriter } of liveSessions.all()) runWriter?.shut();
      supervisor.stop();
      // Commands whose facts are being written wait for the result of that write.
      await Promise.allSettled([...releases, ...liveSessions.all().map(({ writer }) => writer.settled())]);
      await liveSessions.allGone();
      pendingCommands.refuse(new AppError('shutting_down', 'The server is shutting down. Try again in a moment.'));
      liveSessions.clear();
      await ownership[Symbol.asyncDispose](); // last, so that the next holder finds everything in the log
    },
  };
}

export interface EngineOptions extends Pick<ServerDependencies, 'clock' | 'ids' | 'log' | 'store'> {
  readonly logger: EngineLogger;
  readonly policies: SessionPolicies & {
    readonly restart: RestartPolicy;
    /** Maximum numbers of working sessions and of starting sandboxes. Further sessions and sandboxes wait. */
    readonly limits: Readonly<Record<SlotKind, number>>;
  };
  readonly agents: AgentDeps;
  readonly sandboxes: SandboxEngineDeps;
  readonly liveSessions: LiveSessions;
  readonly hooks: readonly WorkspaceHook[];
  readonly facts: SandboxFactChannel;
  readonly watchers: Pick<SessionStreamRegistry, 'isWatched'>;
  /** Called once the fact is durable. */
  readonly onFact: (id: SessionId, fact: SessionFact, seq: number) => void;
  readonly onRunEnd: (status: 'completed' | 'stopped' | 'failed') => void;
  readonly cluster?: Cluster | undefined;
}
