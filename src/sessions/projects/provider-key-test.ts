import { configured, type ModelsConfig } from '../../agents/models/registry.ts';
import { deadlineSignal } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { Secret } from '../../core/text/secret.ts';
import { trimEndOf } from '../../core/text/text.ts';

export interface KeyVerdict {
  readonly valid: boolean;
  readonly message: string;
}
const withinMs = 9_000;

interface Endpoints extends Pick<ModelsConfig, 'compatible'> {
  /** Other endpoints that use the wire format of a provider. */
  readonly baseUrls: Readonly<Record<string, string | undefined>>;
}

/** Asks a provider whether it accepts a key. The verdict contains neither the key nor the provider's text. */
export function keyTester({ baseUrls, compatible }: Endpoints, clock: Clock) {
  return async (provider: string, key: Secret, signal: AbortSignal): Promise<KeyVerdict> => {
    const access = configured(provider, { compatible })?.access;
    if (!access) return { valid: false, message: `${provider} needs no key.` };
    const base = trimEndOf(baseUrls[provider] ?? access.baseUrl, '/');
    const { path, headers } = access.keyCheck;
    using until = deadlineSignal(withinMs, clock, signal);
    try {
      const response = await fetch(base + path, {
        headers: headers(key.reveal()),
        signal: until.signal,
        redirect: 'error', // a redirect would send the key to another host
      });
      await response.body?.cancel();
      return verdict(response.status);
    } catch {
      return { valid: false, message: 'The provider could not be reached.' };
    }
  };
}

function verdict(status: number): KeyVerdict {
  if (status >= 200 && status < 300) return { valid: true, message: 'The provider accepts this key.' };
  if (status === 429) return { valid: true, message: 'The provider knows this key, which is over its limit now.' };
  if (status >= 500) return { valid: false, message: `The provider failed with status ${status}. Try again later.` };
  return { valid: false, message: `The provider refused this key (status ${status}).` };
}
