import { type ApiKeys, apiKeys } from '../../../auth/api-keys.ts';
import { keyPeppers } from '../../../auth/keys/key-peppers.ts';
import type { Store } from '../../../core/contracts/ports.ts';
import { hasRole, type Principal } from '../../../core/model/principal.ts';
import type { Startup } from '../startup.ts';

interface OwnersDeps {
  readonly store: Pick<Store, 'records' | 'shared'>;
  /** Sandboxes without isolation cannot keep owners apart. */
  readonly onlyOne: boolean;
}
/** The API keys, and the owners that they stand for. An owner is its first key. */
export interface Owners extends Disposable {
  readonly keys: ApiKeys;
  /** The names of keys by their ids. */
  readonly people: () => Promise<Map<string, string>>;
  /** The names of all owners by their ids; those whose first key is gone have none. */
  readonly owners: () => Promise<Map<string, string>>;
  /** The owner as a caller; undefined: it has no key that may change anything. */
  readonly workingOwner: (owner: string) => Principal | undefined;
}

export async function openOwners(startup: Startup, { store, onlyOne }: OwnersDeps): Promise<Owners> {
  const { config, clock, ids, logger } = startup;
  const keys = await apiKeys({
    records: store.records,
    clock,
    ids,
    shared: store.shared,
    hasToken: config.token !== undefined,
    onlyOne,
    peppers: () => keyPeppers(config, () => ids.token()),
    warn: (about, text) => logger.warn(about, text),
  });
  const people = async () => new Map((await keys.list()).map(({ id, name }) => [id, name]));
  return {
    keys,
    people,
    owners: async () =>
      new Map([
        ...keys.principals().flatMap(({ owner }) => (owner ? [[owner, ''] as const] : [])),
        ...(await people()),
      ]),
    workingOwner: (owner) => keys.principals().find((one) => one.owner === owner && hasRole(one, 'user')),
    [Symbol.dispose]: () => keys[Symbol.dispose](),
  };
}
