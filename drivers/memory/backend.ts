import type { Clock } from '../../src/core/clock.ts';
import { AppError, type ErrorCode } from '../../src/core/errors.ts';
import type { SandboxId } from '../../src/core/ids.ts';
import type { SandboxInfo } from '../driver.ts';
import { type MemoryDaemon, memoryDaemon } from './daemon.ts';

export type Method = 'check' | 'provision' | 'attach' | 'list' | 'destroy' | 'pause' | 'resume';
/** `fail`: instead of acting. `lose`: it acts, and its answer is lost. `hang`: it never answers. */
export type Mishap = { readonly fail: ErrorCode } | { readonly lose: ErrorCode } | 'hang';

export interface Box {
  readonly instance: string;
  info: SandboxInfo;
  /** Fires when this life of the sandbox ends; the next one has its own. */
  life: AbortController;
  readonly daemon: MemoryDaemon;
}

/** What outlives a driver object here, as a Docker engine outlives our process; and where tests cause trouble. */
export class MemoryBackend {
  readonly boxes = new Map<SandboxId, Box>();
  readonly clock: Clock;
  readonly images: ReadonlySet<string>;
  capacity = Number.POSITIVE_INFINITY;
  /** How long the next calls take, ms by the clock. */
  readonly latency: Partial<Record<Method, number>> = {};
  /** How often each method was called. */
  readonly calls: Partial<Record<Method, number>> = {};
  readonly #mishaps: { method: Method; mishap: Mishap }[] = [];

  constructor(clock: Clock, images: readonly string[]) {
    this.clock = clock;
    this.images = new Set(images);
  }

  /** The next call of that method that has no mishap waiting before it goes wrong in this way. */
  next(method: Method, mishap: Mishap): void {
    this.#mishaps.push({ method, mishap });
  }

  mishap(method: Method): Mishap | undefined {
    const index = this.#mishaps.findIndex((it) => it.method === method);
    return index < 0 ? undefined : this.#mishaps.splice(index, 1)[0]?.mishap;
  }

  newDaemon(id: SandboxId): MemoryDaemon {
    return memoryDaemon({ clock: this.clock, token: tokenOf(id), workdir: '/workspace' });
  }

  /** The sandbox dies behind the driver's back. */
  kill(id: SandboxId, reason = new AppError('sandbox_lost', 'The sandbox ended.')): void {
    const box = this.boxes.get(id);
    if (!box) return;
    box.info = { ...box.info, phase: 'exited' };
    box.daemon.close();
    box.life.abort(reason);
  }
}

export const tokenOf = (id: SandboxId) => `token-of-${id}`;
