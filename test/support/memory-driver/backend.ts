import type { SandboxInfo } from '../../../drivers/driver.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError, type ErrorCode } from '../../../src/core/errors/errors.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import { type MemoryDaemon, memoryDaemon } from './daemon.ts';

export type Method = 'check' | 'provision' | 'attach' | 'list' | 'destroy' | 'pause' | 'resume';
/** `fail`: the call fails without acting. `lose`: it acts, but its answer is lost. `hang`: it never answers. */
export type InjectedFault = { readonly fail: ErrorCode } | { readonly lose: ErrorCode } | 'hang';

export interface Box {
  readonly instance: string;
  info: SandboxInfo;
  /** Fires when this start of the sandbox ends; the next start has its own signal. */
  life: AbortController;
  readonly daemon: MemoryDaemon;
}

/** State that outlives a driver object, as a Docker engine outlives our process. Tests inject faults here. */
export class MemoryBackend {
  readonly boxes = new Map<SandboxId, Box>();
  readonly clock: Clock;
  readonly images: ReadonlySet<string>;
  capacity = Number.POSITIVE_INFINITY;
  /** The latency of the next calls of each method, in ms of the clock. */
  readonly latency: Partial<Record<Method, number>> = {};
  readonly calls: Partial<Record<Method, number>> = {};
  readonly #mishaps: { method: Method; mishap: InjectedFault }[] = [];

  constructor(clock: Clock, images: readonly string[]) {
    this.clock = clock;
    this.images = new Set(images);
  }

  /** Makes the method's next call fail this way. Faults queue up per method. */
  next(method: Method, mishap: InjectedFault): void {
    this.#mishaps.push({ method, mishap });
  }

  mishap(method: Method): InjectedFault | undefined {
    const index = this.#mishaps.findIndex((it) => it.method === method);
    return index < 0 ? undefined : this.#mishaps.splice(index, 1)[0]?.mishap;
  }

  newDaemon(id: SandboxId): MemoryDaemon {
    return memoryDaemon({ clock: this.clock, token: tokenOf(id), workdir: '/workspace' });
  }

  /** Ends the sandbox without a driver call. */
  kill(id: SandboxId, reason = new AppError('sandbox_lost', 'The sandbox ended.')): void {
    const box = this.boxes.get(id);
    if (!box) return;
    box.info = { ...box.info, phase: 'exited' };
    box.daemon.close();
    box.life.abort(reason);
  }
}

export const tokenOf = (id: SandboxId) => `token-of-${id}`;
