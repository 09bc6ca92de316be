import type { SandboxId } from '../../src/core/model/ids.ts';
import type { CallOptions, SandboxInfo } from '../driver.ts';
import { SingleFlight } from './pool/single-flight.ts';

type Workspace = 'keep' | 'remove';
type RemoveSandbox = (id: SandboxId, workspace: Workspace, call: CallOptions) => Promise<void>;

/** Time limit of the final cleanup. The whole shutdown is limited to ten seconds. */
const lastMs = 4_000;

/** Serializes starts and ends per sandbox. Simultaneous calls of the same kind share one operation. */
export class LifecycleCoordinator implements AsyncDisposable {
  readonly #starts = new SingleFlight<SandboxInfo>();
  readonly #ends = new SingleFlight<void>();
  readonly #clear: RemoveSandbox;
  readonly #hurry = new AbortController();

  constructor(clear: RemoveSandbox) {
    this.#clear = clear;
  }

  start(id: SandboxId, call: CallOptions, run: (call: CallOptions) => Promise<SandboxInfo>): Promise<SandboxInfo> {
    return this.#starts.join(id, call, async (own) => {
      await Promise.all([this.#ends.settled(`${id} keep`), this.#ends.settled(`${id} remove`)]);
      return await run(own);
    });
  }

  async end(id: SandboxId, workspace: Workspace, call: CallOptions): Promise<void> {
    this.#starts.cancel(id);
    await this.#ends.join(`${id} ${workspace}`, call, async (own) => {
      if (workspace === 'remove') await this.#ends.settled(`${id} keep`);
      await this.#starts.settled(id);
      await this.#clear(id, workspace, own);
    });
  }

  isStarting(id: SandboxId): boolean {
    return this.#starts.has(id);
  }

  /** Aborts `lastMs` after the driver begins to close. */
  get hurry(): AbortSignal {
    return this.#hurry.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const last = setTimeout(() => this.#hurry.abort(), lastMs);
    try {
      await this.#starts[Symbol.asyncDispose]();
      await this.#ends[Symbol.asyncDispose]();
    } finally {
      clearTimeout(last);
    }
  }
}
