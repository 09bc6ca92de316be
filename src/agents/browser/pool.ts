import type { Clock } from '../../core/contracts/clock.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { BrowserLimits } from './browser.ts';
import { BrowserSession } from './session.ts';

/** One browser session per connection to a sandbox, made on first use and dropped with the connection. */
export class BrowserPool implements Disposable {
  readonly #clock: Clock;
  readonly #limits: BrowserLimits;
  readonly #sessions = new Map<SandboxClient, BrowserSession>();

  constructor({ clock, limits }: { clock: Clock; limits: BrowserLimits }) {
    this.#clock = clock;
    this.#limits = limits;
  }

  of(sandbox: SandboxClient): BrowserSession {
    const known = this.#sessions.get(sandbox);
    if (known) return known;
    const session = new BrowserSession({ sandbox, clock: this.#clock, limits: this.#limits });
    this.#sessions.set(sandbox, session);
    return session;
  }

  /** Fires when the connection to the sandbox is closed. */
  release(sandbox: SandboxClient): void {
    this.#sessions.get(sandbox)?.[Symbol.dispose]();
    this.#sessions.delete(sandbox);
  }

  [Symbol.dispose](): void {
    for (const sandbox of [...this.#sessions.keys()]) this.release(sandbox);
  }
}
