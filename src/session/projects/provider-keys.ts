import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { AppError, toAppError } from '../../core/errors.ts';
import { failpoint } from '../../core/failpoint.ts';
import type { RecordStore } from '../../core/ports.ts';
import { Secret } from '../../core/secret.ts';
import { Sealed, type Vault } from '../../core/vault.ts';
import { type KeyVerdict, keyTester } from './provider-key-test.ts';

export interface ProviderKey {
  readonly provider: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}
/** Keys of model providers that people entered. What was stored never comes out again but towards its provider. */
export interface ProviderKeyService {
  list(): Promise<readonly ProviderKey[]>;
  /** Replaces the provider's earlier one. */
  put(provider: string, key: Secret): Promise<void>;
  /** Rejects: not_found. */
  delete(provider: string): Promise<void>;
  /** Asks the provider; ends within 10 s. */
  test(provider: string, key: Secret, signal: AbortSignal): Promise<KeyVerdict>;
}
/** For those who make models, and for the start. */
export interface ProviderKeyRing extends ProviderKeyService {
  use(provider: string): Promise<Secret | undefined>;
  /** Reads them all. Rejects: invalid_request, when one was sealed with a key that is not configured. */
  verify(): Promise<void>;
  /** Wraps under the primary key what is under an older one; may be cut and begun again. Counts what is left. */
  rotate(): Promise<{ rewrapped: number; remaining: number }>;
}

const Stored = z.object({
  provider: z.string(),
  sealed: Sealed,
  createdAt: z.number(),
  lastUsedAt: z.number().nullable(),
});
interface Deps {
  readonly records: RecordStore;
  readonly vault: Vault;
  readonly clock: Clock;
  /** Other endpoints that speak a provider's wire format. */
  readonly baseUrls: Readonly<Record<string, string | undefined>>;
  /** Hears of each key before anybody uses it, so that no log line can show it. */
  readonly learn: (key: Secret) => void;
}
export const providerKeyKind = 'provider-key';
const kind = providerKeyKind;
const placeOf = (provider: string) => ({ collection: kind, id: provider, field: 'key' });
const usedEveryMs = 60_000;
const mostTries = 20; // each lost to a write of the same key

export function providerKeys({ records, vault, clock, baseUrls, learn }: Deps): ProviderKeyRing {
  async function all() {
    return (await records.list(kind)).map(({ doc, version }) => ({ ...Stored.parse(doc), version }));
  }
  /** Each key is one atomic write, so a rotation that was cut leaves every key under the old or the new encryption key. */
  async function rewrapOne(provider: string): Promise<'rewrapped' | 'current' | 'remains'> {
    for (let tries = 0; tries < mostTries; tries++) {
      try {
        const found = await records.get(kind, provider);
        if (!found) return 'current'; // deleted meanwhile
        const stored = Stored.parse(found.doc);
        const sealed = vault.rewrap(stored.sealed, placeOf(provider));
        if (!sealed) return 'current';
        const doc = { ...stored, sealed };
        await records.put({ kind, id: provider, doc, sort: stored.createdAt, expect: found.version });
        await failpoint('keys.rotate.after');
        return 'rewrapped';
      } catch (thrown) {
        // A put in between, such as the note of a use, changed the version: read it again.
        if (toAppError(thrown).code !== 'conflict') return 'remains';
      }
    }
    return 'remains';
  }
  const ask = keyTester(baseUrls, clock);
  return {
    list: async () => (await all()).map(({ provider, createdAt, lastUsedAt }) => ({ provider, createdAt, lastUsedAt })),
    async put(provider, key) {
      learn(key);
      const now = clock.now();
      const doc = { provider, sealed: vault.seal(key.reveal(), placeOf(provider)), createdAt: now, lastUsedAt: null };
      await records.put({ kind, id: provider, doc, sort: now });
    },
    async delete(provider) {
      if (!(await records.get(kind, provider))) throw new AppError('not_found', 'There is no key for this provider.');
      await records.delete(kind, provider);
    },
    async test(provider, key, signal) {
      learn(key);
      return await ask(provider, key, signal);
    },
    async use(provider) {
      const found = await records.get(kind, provider);
      if (!found) return undefined;
      const stored = Stored.parse(found.doc);
      const now = clock.now();
      if (now - (stored.lastUsedAt ?? 0) >= usedEveryMs) {
        const doc = { ...stored, lastUsedAt: now };
        // Only a note: whoever replaced the key meanwhile wins.
        await records.put({ kind, id: provider, doc, sort: stored.createdAt, expect: found.version }).catch(() => {});
      }
      const key = new Secret(vault.open(stored.sealed, placeOf(provider)));
      learn(key); // another server may have stored it
      return key;
    },
    async verify() {
      const stored = await all();
      const strange = stored.filter(({ sealed }) => !vault.knows(sealed));
      if (strange.length === 0) {
        for (const { provider, sealed } of stored) learn(new Secret(vault.open(sealed, placeOf(provider))));
        return;
      }
      const names = strange.map(({ provider, sealed }) => `${provider} (key ${sealed.kid})`).join(', ');
      throw new AppError(
        'invalid_request',
        `The stored keys of ${names} were sealed with an encryption key that is not configured. Give it back in ` +
          'CORRAL_KEYS_ENCRYPTION_KEY or CORRAL_KEYS_ENCRYPTION_KEY_FILE, after the new one if there is one.',
      );
    },
    async rotate() {
      let rewrapped = 0;
      let remaining = 0;
      for (const { provider } of await all()) {
        const outcome = await rewrapOne(provider);
        if (outcome === 'rewrapped') rewrapped++;
        if (outcome === 'remains') remaining++;
      }
      return { rewrapped, remaining };
    },
  };
}
