import { z } from 'zod';
import { neverAbortingSignal, sleep } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { IdempotencyClaimResult, IdempotencyStore, RecordStore, Store } from '../../core/contracts/ports.ts';
import { ignoreConflict } from '../../core/errors/errors.ts';

interface Options {
  readonly store: Pick<Store, 'inbox' | 'records' | 'shared'>;
  /** Unique to this process. */
  readonly name: string | undefined;
  readonly isAlive: (name: string) => Promise<boolean>;
  readonly clock: Clock;
}
const kind = 'claim';
const By = z.object({ by: z.string(), at: z.number() });
const betweenMs = 200; // time allowed for a server to record its claim

/** If a claim's server is gone, another server can take over the claim. */
export function createIdempotencyStore({
  store: { inbox, records, shared },
  name = '',
  isAlive,
  clock,
}: Options): IdempotencyStore {
  const working = new Set<string>();

  async function claim(key: string, contentHash: string, at: number): Promise<IdempotencyClaimResult> {
    const claimed = await inbox.claim(key, contentHash, at);
    if (claimed.kind === 'new') {
      working.add(key);
      if (shared) await records.put({ kind, id: key, doc: { by: name, at }, sort: at });
      return claimed;
    }
    if (claimed.kind !== 'pending' || working.has(key) || !(await inherits(key, at))) return claimed;
    working.add(key);
    await inbox.release(key);
    return await inbox.claim(key, contentHash, at);
  }

  /** True if this server is the first to take over a lost server's claim. */
  async function inherits(key: string, at: number): Promise<boolean> {
    if (!shared) {
      const isFirst = !working.has(key);
      working.add(key);
      return isFirst;
    }
    const found = await records.get(kind, key);
    if (!found) await sleep(betweenMs, neverAbortingSignal, clock); // the put below fails if a record is written during this wait
    if (found && (await isAlive(By.parse(found.doc).by))) return false;
    const mine = { kind, id: key, doc: { by: name, at }, sort: at, expect: found?.version ?? 0 };
    return (await records.put(mine).catch(ignoreConflict)) !== undefined;
  }

  async function over(key: string): Promise<void> {
    working.delete(key);
    if (shared) await records.delete(kind, key);
  }

  return {
    claim,
    async answer(key, answer) {
      await inbox.answer(key, answer);
      await over(key);
    },
    async release(key) {
      await inbox.release(key);
      await over(key);
    },
    async expire(before) {
      if (shared) await forget(records, before);
      return await inbox.expire(before);
    },
  };
}

async function forget(records: RecordStore, before: number): Promise<void> {
  for (const { id, doc } of await records.list(kind)) if (By.parse(doc).at < before) await records.delete(kind, id);
}
