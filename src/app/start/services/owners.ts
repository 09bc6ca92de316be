import { type ApiKeys, apiKeys } from '../../../auth/api-keys.ts';
import { joinRings } from '../../../auth/key-ring.ts';
import { keyPeppers } from '../../../auth/keys/key-peppers.ts';
import type { Store } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../../core/model/principal.ts';

import { namesPeople } from '../../settings/contradictions.ts';
import type { Startup } from '../startup.ts';
import { openSignIns, type SignIns } from './sign-ins.ts';

interface OwnersDeps {
  readonly store: Pick<Store, 'records' | 'shared'>;
  /** Sandboxes without isolation cannot keep owners apart. */
  readonly onlyOne: boolean;
}
/** The API keys, and the owners that they stand for. An owner is its first key. */
export interface Owners extends AsyncDisposable {
  readonly keys: ApiKeys;
  /** Undefined: no identity provider is configured. */
  readonly signIns: SignIns | undefined;
  /** The names of keys by their ids. */
  readonly people: () => Promise<Map<string, string>>;
  /** The names of all owners by their ids; those whose first key is gone have none. */
  readonly owners: () => Promise<Map<string, string>>;
  /** The owner as a caller; undefined: it has no key that may change anything. */
  readonly workingOwner: (owner: string) => Principal | undefined;
}

export async function openOwners(startup: Startup, { store, onlyOne }: OwnersDeps): Promise<Owners> {
  const { config, clock, ids, logger } = startup;
  const hasProvider = config.oidc.issuer !== undefined || namesPeople(config);
  if (hasProvider && onlyOne) {
    throw new AppError(
      'invalid_request',
      "CORRAL_OIDC_ISSUER or CORRAL_IDENTITY_PROXY_SUBJECT_HEADER lets several people in, but sandboxes have no isolation here, so they could read each other's files. Install bubblewrap or start Docker.",
    );
  }
  await using stack = new AsyncDisposableStack();
  const keys = stack.use(
    await apiKeys({
      records: store.records,
      clock,
      ids,
      shared: store.shared,
      hasToken: config.token !== undefined || hasProvider,
      onlyOne,
      peppers: () => keyPeppers(config, () => ids.token()),
      warn: (about, text) => logger.warn(about, text),
    }),
  );
  const signIns = hasProvider ? stack.use(await openSignIns(startup, store)) : undefined;
  const ring = joinRings(keys, signIns);
  const namesOfPeople = () =>
    (signIns?.people.list() ?? []).map(({ key, owner, name, email }) => ({ key, owner, name: name ?? email ?? key }));
  const people = async () =>
    new Map([
      ...namesOfPeople().flatMap(({ key, owner, name }) => [[key, name] as const, [owner, name] as const]),
      ...(await keys.list()).map(({ id, name }) => [id, name] as const),
    ]);
  const held = stack.move();
  return {
    keys,
    signIns,
    people,
    owners: async () =>
      new Map([
        ...ring.principals().flatMap(({ owner }) => (owner ? [[owner, ''] as const] : [])),
        ...(await people()),
      ]),
    workingOwner: (owner) => ring.principals().find((one) => one.owner === owner && hasRole(one, 'user')),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
