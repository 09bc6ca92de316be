import type { FactOf } from '../../core/events.ts';
import type { SandboxId, SessionId } from '../../core/ids.ts';
import type { DiskUse } from '../../sandbox/client.ts';
import type { DiskFloor } from './disk-floor.ts';

type Exceeded = FactOf<'sandbox.disk_exceeded'>['data'];
interface Followed extends Disposable {
  saw(disk: DiskUse): void;
}

/** Logs exceeded disk limits in their sessions, and passes each sandbox's disk use on to the floor. */
export interface DiskNews {
  /** Rejects: disk_full. */
  admit(): Promise<void>;
  follow(sessionId: SessionId, sandboxId: SandboxId): Followed;
}

export function diskNews(floor: DiskFloor, tell: (id: SessionId, data: Exceeded) => void): DiskNews {
  return {
    admit: () => floor.admit(),
    follow(sessionId, sandboxId) {
      let told: number | undefined; // stops before the first report may have been logged by an earlier server
      return {
        saw(disk) {
          const { usedBytes, limitBytes, stopped } = disk;
          if (stopped > (told ?? stopped)) {
            const detail = `The files take ${mib(usedBytes)}, and may take ${mib(limitBytes)} (CORRAL_SANDBOX_DISK). What wrote them was ended; nothing is lost. Remove some.`;
            tell(sessionId, { reason: 'limit', usedBytes, limitBytes, detail });
          }
          told = stopped;
          void floor.saw({ sessionId, sandboxId, disk }).then((ended) => {
            if (!ended) return;
            const most = ended.disk.usedBytes;
            const detail = `The host's disk is nearly full, and this sandbox uses most of it (${mib(most)}), so it was stopped. Its files are kept.`;
            tell(ended.sessionId, { reason: 'host', usedBytes: most, limitBytes: ended.disk.limitBytes, detail });
          });
        },
        [Symbol.dispose]: () => floor.forget(sandboxId),
      };
    },
  };
}

const mib = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;
