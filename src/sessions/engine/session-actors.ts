import type { Driver, SandboxLink, SandboxSpec } from '../../../drivers/driver.ts';
import { sessionMachine } from '../../../machines/session.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { AppError } from '../../core/errors/errors.ts';
import type { SandboxId, SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { provideRunMachine } from '../run/run-actors.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { EngineLogger } from './logger.ts';
import type { Ownership } from './ownership.ts';
import { type AgentDeps, createRunContextFactory } from './run-contexts.ts';
import type { RunRecorder } from './run-recorder.ts';
import type { DiskGuard } from './sandbox/disk-floor.ts';
import { createDiskUsageMonitor, type DesktopStatusRecorder } from './sandbox/disk-reports.ts';
import type { LocalSandboxes } from './sandbox/sandbox-access.ts';
import { provideSandboxMachine, type SandboxDeps, type SandboxQuota } from './sandbox/sandbox-actors.ts';
import type { SandboxFactChannel } from './sandbox/sandbox-facts.ts';
import type { PendingCommands } from './session-commands.ts';

export interface SandboxEngineDeps {
  readonly driver: Driver;
  readonly startTimeoutMs: number;
  readonly spec: (session: SessionRecord, sandboxId: SandboxId) => SandboxSpec | Promise<SandboxSpec>;
  /** `epoch`: the holder's epoch. The daemon refuses calls from earlier holders. */
  readonly connect: (link: SandboxLink & { readonly epoch?: number }) => SandboxClient;
  readonly prepare: SandboxDeps['prepare'];
  readonly restore?: SandboxDeps['restore'];
  readonly rest?: SandboxDeps['rest'];
  readonly workdir: (id: SandboxId) => string;
  /** Undefined: sandboxes' disks are on other machines, such as cluster nodes. */
  readonly diskFloor?: DiskGuard | undefined;
  readonly holdings?: SandboxQuota | undefined;
}
interface Deps {
  readonly clock: Clock;
  readonly logger: EngineLogger;
  readonly agents: AgentDeps;
  readonly sandboxes: SandboxEngineDeps;
  readonly own: LocalSandboxes;
  readonly liveSessions: LiveSessions;
  readonly pendingCommands: PendingCommands;
  readonly ownership: Ownership;
  readonly runs: RunRecorder;
  readonly facts: SandboxFactChannel;
  readonly reports: DesktopStatusRecorder;
  readonly onRunEnd: (status: 'completed' | 'stopped' | 'failed') => void;
  /** Shutdown waits for each release passed to this function. */
  readonly track: (released: Promise<AppError | undefined>) => void;
}

export function provideSessionMachine(deps: Deps): typeof sessionMachine {
  const { clock, logger, agents, own, liveSessions, pendingCommands, ownership, runs, facts, reports } = deps;
  const { driver, startTimeoutMs, spec, connect, prepare, restore, rest, workdir, diskFloor, holdings } =
    deps.sandboxes;
  const { desktop, external, kernels, loops } = agents;
  const live = (id: SessionId) => liveSessions.the(id);
  const fence = (id: SessionId): { epoch?: number } => {
    const epoch = ownership.isShared ? ownership.epochOf(id) : undefined;
    return epoch === undefined ? {} : { epoch };
  };
  const contexts = createRunContextFactory({ clock, agents, liveSessions, sandboxes: own, driver, workdir });
  return sessionMachine.provide({
    actors: {
      run: provideRunMachine({
        clock,
        live,
        onEnd: deps.onRunEnd,
        use: (id, signal) => own.use(id, signal),
        kernels,
        loops,
        working: contexts.working,
      }),
      sandbox: provideSandboxMachine({
        driver,
        clock,
        logger,
        startTimeoutMs,
        live,
        prepare,
        track: deps.track,
        saw: reports.saw,
        ready: (session, client) => void contexts.ready(session, client),
        ...(restore && { restore }),
        ...(rest && { rest }),
        holdings,
        ...(diskFloor && {
          disk: createDiskUsageMonitor(diskFloor, (id, data) =>
            facts.tell(id, { type: 'sandbox.disk_exceeded', data }),
          ),
        }),
        failed(id, failure) {
          const found = liveSessions.get(id);
          if (found) found.sandboxFailure = failure;
          holdings?.freeSandbox(id);
          if (!failure.retryable) return; // `onFact` has already copied permanent failures from the session's log to the server's
          const why = { code: failure.code, err: failure.cause ?? failure };
          logger.warn({ session: id, ...why }, 'a sandbox failed and can be restarted');
        },
        release: (client) => {
          desktop?.release(client);
          external?.release(client);
          kernels?.release(client);
          loops?.release(client);
        },
        spec: async (id, sandboxId) => ({ ...(await spec(live(id).writer.record, sandboxId)), ...fence(id) }),
        connect: (id, link) => connect({ ...link, ...fence(id) }),
      }),
    },
    actions: {
      record: ({ context }, recording) => runs.record(context.sessionId, recording),
      answer: (_, { commandIds, answer }) => pendingCommands.settle(commandIds, answer),
      abandon: ({ context }, broken) => void runs.abandon(context.sessionId, broken),
    },
  });
}
