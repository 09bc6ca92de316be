import type { Principal } from '../core/model/principal.ts';
import type { Memberships } from './memberships.ts';
import type { DeviceRegistry } from './sign-in/devices.ts';
import type { PersonRegistry } from './sign-in/people.ts';
import type { FederatedTokenVerifier } from './tokens/program-tokens.ts';

/** All credentials are in memory, so no request waits for the store. */
export interface PrincipalResolver {
  /** Whether requests need a credential. Stays true after all keys are revoked. */
  readonly any: boolean;
  /** Used while no key exists. Its streams end when the first key is created. */
  readonly anonymous: Principal;
  /** Verifies new tokens of trusted issuers for `find`. Undefined if there are none. Rejects with provider_error. */
  prepare(presented: readonly string[]): Promise<void> | undefined;
  find(presented: readonly string[]): Principal | undefined;
  live(id: string): Principal | undefined;
  principals(): readonly Principal[];
}

interface Others {
  readonly signIns: { readonly people: PersonRegistry; readonly devices: DeviceRegistry } | undefined;
  readonly tokens: FederatedTokenVerifier | undefined;
  readonly within: Memberships['within'];
}
export function createPrincipalResolver(
  keys: Omit<PrincipalResolver, 'prepare'>,
  { signIns, tokens, within }: Others,
): PrincipalResolver {
  const { people, devices } = signIns ?? {};
  const inProjects = (caller: Principal | undefined) => caller && within(caller);
  return {
    get any() {
      return signIns !== undefined || keys.any; // if people can sign in, nobody has access without a credential
    },
    anonymous: keys.anonymous,
    prepare: (presented) => tokens?.prepare(presented),
    find: (presented) =>
      inProjects(keys.find(presented) ?? devices?.find(presented, 'command') ?? tokens?.find(presented)),
    live: (key) => inProjects(keys.live(key) ?? devices?.live(key) ?? people?.live(key)),
    principals: () => [keys, people, devices].flatMap((ring) => ring?.principals() ?? []).map((one) => within(one)),
  };
}
