import type { Clock } from '../../core/contracts/clock.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { BrowserLimits } from './browser.ts';
import type { PageTreeConverter } from './report.ts';
import { BrowserSession } from './session.ts';

interface Options {
  readonly clock: Clock;
  readonly limits: BrowserLimits;
  readonly readTree: PageTreeConverter;
}

export class BrowserSessionRegistry extends ServerComponent<Options> implements Disposable {
  readonly #sessions = new Map<SandboxClient, BrowserSession>();

  of(sandbox: SandboxClient): BrowserSession {
    const known = this.#sessions.get(sandbox);
    if (known) return known;
    const session = new BrowserSession({ sandbox, ...this.deps });
    this.#sessions.set(sandbox, session);
    return session;
  }

  release(sandbox: SandboxClient): void {
    this.#sessions.get(sandbox)?.[Symbol.dispose]();
    this.#sessions.delete(sandbox);
  }

  [Symbol.dispose](): void {
    for (const sandbox of [...this.#sessions.keys()]) this.release(sandbox);
  }
}
