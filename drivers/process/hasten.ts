import type { SandboxId } from '../../src/core/ids.ts';
import type { Share } from './cgroup/limits.ts';
import type { KernelLimits } from './confinement.ts';

/** How long a share stays after the last call, because the next call of a stop follows at once. */
const staysMs = 100;

/**
 * Puts a sandbox before the others on busy processors while a call ends its programs, and gives all sandboxes a larger
 * share meanwhile.
 */
export function hastener({ share, shareOfAll }: Pick<KernelLimits, 'share' | 'shareOfAll'>) {
  const all = wanted(shareOfAll);
  const each = new Map<SandboxId, Wanted>();
  const of = (id: SandboxId): Wanted => {
    const known = each.get(id);
    if (known) return known;
    const made = wanted(
      (to) => share(id, to),
      () => void each.delete(id),
    );
    each.set(id, made);
    return made;
  };
  return {
    /** Disposing ends the haste. */
    hasten(id: SandboxId): Disposable {
      const stack = new DisposableStack();
      stack.use(of(id).first());
      stack.use(all.first());
      return stack;
    },
    /** A server that was killed can have left the sandbox with the larger share. */
    async settle(id: SandboxId): Promise<void> {
      if (!each.has(id)) await share(id, 'usual');
    },
  };
}

interface Wanted {
  first(): Disposable;
}

/** A share that several callers want. Its writes follow each other, so the newest one holds. */
function wanted(write: (share: Share) => Promise<void>, onUsual: () => void = () => {}): Wanted {
  let calls = 0;
  let timer: NodeJS.Timeout | undefined;
  let written = Promise.resolve();
  const tell = (share: Share) => {
    written = written.then(() => write(share));
  };
  const settle = () => {
    timer = undefined;
    tell('usual');
    written = written.then(() => {
      if (calls === 0 && !timer) onUsual();
    });
  };
  return {
    first() {
      calls++;
      if (timer) clearTimeout(timer);
      else if (calls === 1) tell('first');
      timer = undefined;
      return {
        [Symbol.dispose]: () => {
          if (--calls === 0) timer = setTimeout(settle, staysMs).unref();
        },
      };
    },
  };
}
