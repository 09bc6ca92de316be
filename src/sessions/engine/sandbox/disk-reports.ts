import { ServerComponent } from '../../../core/contracts/server-parts.ts';
import type { FactOf } from '../../../core/model/events.ts';
import type { SandboxId, SessionId } from '../../../core/model/ids.ts';
import { formatMiB } from '../../../core/text/text.ts';
import type { DesktopStatus, DiskUsage } from '../../../sandboxes/client/client.ts';
import type { LiveSessions } from '../live-sessions.ts';
import type { DiskGuard } from './disk-floor.ts';
import type { SandboxFactChannel } from './sandbox-facts.ts';

interface Deps {
  readonly liveSessions: Pick<LiveSessions, 'get'>;
  readonly facts: Pick<SandboxFactChannel, 'tell'>;
}

export class DesktopStatusRecorder extends ServerComponent<Deps> {
  /** Appends status changes if this server owns the session. */
  saw = (id: SessionId, status: DesktopStatus): void => {
    const { liveSessions, facts } = this.deps;
    for (const data of liveSessions.get(id)?.desktop.saw(status) ?? []) facts.tell(id, { type: 'desktop', data });
  };
}

type DiskExceeded = FactOf<'sandbox.disk_exceeded'>['data'];
export interface MonitoredSandbox {
  readonly sessionId: SessionId;
  readonly sandboxId: SandboxId;
  /** True if this server has just started the sandbox. */
  readonly isFresh: boolean;
}
interface DiskReporter extends Disposable {
  saw(disk: DiskUsage): void;
}

export interface DiskUsageMonitor {
  /** Rejects: disk_full. */
  admit(): Promise<void>;
  follow(sandbox: MonitoredSandbox): DiskReporter;
}

export function createDiskUsageMonitor(
  floor: DiskGuard,
  tell: (id: SessionId, data: DiskExceeded) => void,
): DiskUsageMonitor {
  return {
    admit: () => floor.admit(),
    follow({ sessionId, sandboxId, isFresh }) {
      // An adopted sandbox's first report may count stops that are already in the log.
      let reported = isFresh ? 0 : undefined;
      return {
        saw(disk) {
          const { usedBytes, limitBytes, stopped } = disk;
          if (stopped > (reported ?? stopped)) {
            const detail = `The files use ${formatMiB(usedBytes)} of the ${formatMiB(limitBytes)} allowed (CORRAL_SANDBOX_DISK). The processes that wrote them were stopped, and all files are kept. Remove some files.`;
            tell(sessionId, { reason: 'limit', usedBytes, limitBytes, detail });
          }
          reported = stopped;
          void floor.saw({ sessionId, sandboxId, disk }).then((ended) => {
            if (!ended) return;
            const most = ended.disk.usedBytes;
            const detail = `The host's disk is nearly full, and this sandbox uses most of it (${formatMiB(most)}), so it was stopped. Its files are kept.`;
            tell(ended.sessionId, { reason: 'host', usedBytes: most, limitBytes: ended.disk.limitBytes, detail });
          });
        },
        [Symbol.dispose]: () => floor.forget(sandboxId),
      };
    },
  };
}
