import type { SandboxId } from '../../src/core/model/ids.ts';
import type { KernelLimits } from './confinement.ts';

const lastsMs = 1_000;

/** Puts a sandbox before the others on busy processors, for a second after the last call. */
export function cpuBooster({ share }: Pick<KernelLimits, 'share'>) {
  const timers = new Map<SandboxId, NodeJS.Timeout>();
  return {
    hasten(id: SandboxId): void {
      const timer = timers.get(id);
      if (timer) {
        timer.refresh();
        return;
      }
      const over = () => {
        timers.delete(id);
        share(id, 'usual');
      };
      timers.set(id, setTimeout(over, lastsMs).unref());
      share(id, 'first');
    },
    /** A server that was killed can have left the sandbox with the larger share. */
    settle(id: SandboxId): void {
      if (!timers.has(id)) share(id, 'usual');
    },
  };
}
