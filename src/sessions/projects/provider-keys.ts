import { z } from 'zod';
import { rejectRedirect } from '../../agents/models/failures.ts';
import { findConfiguredProvider, type ModelsConfig } from '../../agents/models/registry.ts';
import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { SealedValue, type SecretSealer } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Secret } from '../../core/text/secret.ts';
import { trimEndCharacters } from '../../core/text/text.ts';
import { createSealedRecordStore, type KeyRotationCounts } from './sealed-records.ts';

interface KeyVerdict {
  readonly valid: boolean;
  readonly message: string;
}
const withinMs = 9_000;

interface Endpoints extends Pick<ModelsConfig, 'compatible'> {
  readonly baseUrls: Readonly<Record<string, string | undefined>>;
}

/** The verdict contains neither the key nor any text from the provider. */
function keyTester({ baseUrls, compatible }: Endpoints, clock: Clock) {
  return async (provider: string, key: Secret, signal: AbortSignal): Promise<KeyVerdict> => {
    const access = findConfiguredProvider(provider, { compatible })?.access;
    if (!access) return { valid: false, message: `${provider} needs no key.` };
    const base = trimEndCharacters(baseUrls[provider] ?? access.baseUrl, '/');
    const { path, headers } = access.keyCheck;
    using until = createTimeoutSignal(withinMs, clock, signal);
    try {
      const response = await fetch(base + path, {
        headers: headers(key.reveal()),
        signal: until.signal,
        redirect: 'manual',
      });
      rejectRedirect(response, base + path);
      await response.body?.cancel();
      return verdict(response.status);
    } catch (thrown) {
      const why = thrown instanceof AppError ? thrown.publicMessage : 'The provider could not be reached.';
      return { valid: false, message: why };
    }
  };
}

function verdict(status: number): KeyVerdict {
  if (status >= 200 && status < 300) return { valid: true, message: 'The provider accepts this key.' };
  if (status === 429) return { valid: true, message: 'The provider accepts this key, but its limit is reached.' };
  if (status >= 500) return { valid: false, message: `The provider failed with status ${status}. Try again later.` };
  return { valid: false, message: `The provider refused this key (status ${status}).` };
}

export interface ProviderKey {
  readonly provider: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}
/** A stored key is sent only to its provider. */
export interface ProviderKeyService {
  list(): Promise<readonly ProviderKey[]>;
  put(provider: string, key: Secret): Promise<void>;
  /** Rejects: not_found. */
  delete(provider: string): Promise<void>;
  /** Calls the provider and gives up after 9 s. */
  test(provider: string, key: Secret, signal: AbortSignal): Promise<KeyVerdict>;
}
export interface ProviderKeyStore extends ProviderKeyService {
  use(provider: string): Promise<Secret | undefined>;
  /** Rejects: invalid_request if a required encryption key is not configured. */
  verify(): Promise<void>;
  /** Re-encrypts all keys with the primary key. Can be interrupted and repeated. */
  rotate(): Promise<KeyRotationCounts>;
}

const Stored = z.object({
  provider: z.string(),
  sealed: SealedValue,
  createdAt: z.number(),
  lastUsedAt: z.number().nullable(),
});
interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly vault: SecretSealer;
  readonly baseUrls: Readonly<Record<string, string | undefined>>;
  readonly compatible?: ModelsConfig['compatible'];
  /** Called with each key before its first use, for masking in logs. */
  readonly learn: (key: Secret) => void;
}
export const providerKeyRecordKind = 'provider-key';
const kind = providerKeyRecordKind;
const usedEveryMs = 60_000;

export function createProviderKeyStore({
  records,
  vault,
  clock,
  baseUrls,
  compatible = {},
  learn,
}: Deps): ProviderKeyStore {
  const sealing = createSealedRecordStore({ records, vault, kind, field: 'key' });
  const all = async () => (await records.list(kind)).map(({ doc }) => Stored.parse(doc));
  const ask = keyTester({ baseUrls, compatible }, clock);
  return {
    list: async () => (await all()).map(({ provider, createdAt, lastUsedAt }) => ({ provider, createdAt, lastUsedAt })),
    async put(provider, key) {
      learn(key);
      const now = clock.now();
      const doc = { provider, sealed: sealing.seal(provider, key), createdAt: now, lastUsedAt: null };
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
        // On a conflict, a concurrent replacement of the key wins.
        await records.put({ kind, id: provider, doc, sort: stored.createdAt, expect: found.version }).catch(() => {});
      }
      const key = sealing.open(provider, stored.sealed);
      learn(key);
      return key;
    },
    async verify() {
      await sealing.verify('The stored keys of');
      for (const { provider, sealed } of await all()) learn(sealing.open(provider, sealed));
    },
    rotate: () => sealing.rotate(),
  };
}
