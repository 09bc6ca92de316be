import type { Capabilities } from '../../../drivers/driver.ts';
import { parseModelRef } from '../../agents/models/providers.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Config } from '../settings/config.ts';

/** Refuses real models if sandboxes lack isolation or have an open network, unless `unconfined`. */
export class RealModelGuard extends ServerComponent<Pick<Config, 'model' | 'unconfined'>> {
  #driver: { readonly capabilities: Capabilities } | undefined;
  #isUsed = isReal(this.deps.model);

  bindDriver(driver: { readonly capabilities: Capabilities }): void {
    this.#driver = driver;
  }

  readonly check = (ref: string): void => {
    if (!isReal(ref)) return;
    const capabilities = this.#driver?.capabilities;
    if (!this.deps.unconfined && capabilities && isOpen(capabilities)) throw refusedModel(ref, capabilities);
    this.#isUsed = true;
  };

  readonly refusal = (): string | undefined => {
    const capabilities = this.#driver?.capabilities;
    if (this.deps.unconfined || !capabilities || !isOpen(capabilities)) return undefined;
    return refusedModel('any but demo', capabilities).publicMessage;
  };

  readonly unenforced = (): 'refuse' | 'accept' => (this.deps.unconfined || !this.#isUsed ? 'accept' : 'refuse');
}

const isReal = (ref: string): boolean => parseModelRef(ref).provider !== 'demo';
const isOpen = ({ isolation, egress }: Capabilities): boolean => isolation === 'none' || egress === 'open';

function refusedModel(ref: string, { isolation }: Capabilities): AppError {
  const text =
    isolation === 'none'
      ? `A model (${ref}) would run commands on this machine without any isolation. Install bubblewrap or start Docker`
      : `A model (${ref}) would run commands in sandboxes that reach the whole network. Use a network plug-in that enforces policies`;
  return new AppError('invalid_request', `${text}; or set CORRAL_UNCONFINED=1 if you accept that.`);
}
