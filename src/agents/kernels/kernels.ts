import type { Clock } from '../../core/contracts/clock.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { KernelContexts } from './kernel.ts';

export class KernelRegistry extends ServerComponent<{ readonly clock: Clock; readonly newNonce: () => string }> {
  readonly #sandboxes = new Map<SandboxClient, KernelContexts>();

  of(client: SandboxClient): KernelContexts {
    const known = this.#sandboxes.get(client);
    if (known) return known;
    const contexts = new KernelContexts({ ...this.deps, programs: client.programs });
    this.#sandboxes.set(client, contexts);
    client.trust.broken.addEventListener('abort', () => this.release(client), { once: true });
    return contexts;
  }

  async endRun(client: SandboxClient, run: string): Promise<void> {
    await this.#sandboxes.get(client)?.endRun(run);
  }

  /** Kernels keep running for the next server process, or are deleted with the sandbox. */
  release(client: SandboxClient): void {
    this.#sandboxes.get(client)?.detach();
    this.#sandboxes.delete(client);
  }
}
