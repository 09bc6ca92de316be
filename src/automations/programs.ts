import { ServerComponent } from '../core/contracts/server-parts.ts';
import { AppError } from '../core/errors/errors.ts';
import type { Principal } from '../core/model/principal.ts';
import type { Secret } from '../core/text/secret.ts';
import type { Automation, AutomationApiRegistry, PreparedAutomationStart } from '../sessions/api/server/automations.ts';

interface Deps {
  readonly principalOf: (owner: string | undefined) => Principal | undefined;
}
type Prepare = Parameters<AutomationApiRegistry['serve']>[1];

export class AutomationPrograms extends ServerComponent<Deps> implements AutomationApiRegistry {
  readonly #served = new Map<string, Prepare>();
  #isOpen = false;

  serve(api: string, prepare: Prepare): void {
    this.#served.set(api, prepare);
  }

  /** Called after every API of this server has registered. */
  open(): void {
    this.#isOpen = true;
  }

  /** Rejects with cancelled (the server is starting), unsupported (the API is off), forbidden, or the API's errors. */
  async prepare(api: string, automation: Automation, secret: Secret | undefined): Promise<PreparedAutomationStart> {
    const prepare = this.#served.get(api);
    if (!prepare && !this.#isOpen) throw new AppError('cancelled', 'The server is starting.');
    if (!prepare)
      throw new AppError(
        'unsupported',
        `This automation was created through the API ${api}, which is turned off on this server. Turn it on, then resume the automation.`,
      );
    const principal = this.deps.principalOf(automation.owner);
    if (!principal) throw new AppError('forbidden', 'The owner of this automation no longer has a valid key.');
    return await prepare(automation, { as: principal, secret });
  }
}
