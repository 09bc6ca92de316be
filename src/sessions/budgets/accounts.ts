import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { Calendar } from '../../core/contracts/calendar.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerPart } from '../../core/contracts/server-parts.ts';
import { budgetAccountKind } from '../../core/model/records.ts';
import { changeRecordWithResult } from '../../storage/collection.ts';
import type { BudgetHolder } from '../api/server/budgets.ts';
import { BudgetAccount, budgetAccountIdOf, createBudgetAccount, rollOverBudgetPeriods } from './account.ts';

interface Deps {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'list'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly calendar: Pick<Calendar, 'keysAt'>;
}
export class BudgetAccountStore extends ServerPart<Deps> {
  readonly #turns = createKeyedQueue();

  async get(holder: BudgetHolder): Promise<BudgetAccount> {
    return this.#parse(await this.deps.records.get(budgetAccountKind, budgetAccountIdOf(holder)));
  }

  async all(): Promise<ReadonlyMap<string, BudgetAccount>> {
    const found = await this.deps.records.list(budgetAccountKind);
    return new Map(found.map((one) => [one.id, this.#parse(one)]));
  }

  /** If `change` returns undefined, nothing is written. `change` runs again after a concurrent write. */
  async change(
    holder: BudgetHolder,
    change: (now: BudgetAccount) => BudgetAccount | undefined | Promise<BudgetAccount | undefined>,
  ): Promise<BudgetAccount> {
    const place = { kind: budgetAccountKind, id: budgetAccountIdOf(holder) };
    return await this.#turns(place.id, () =>
      changeRecordWithResult<BudgetAccount>(this.deps.records, place, async (found) => {
        const now = this.#parse(found);
        const doc = await change(now);
        return doc ? { value: doc, doc: BudgetAccount.encode(doc) } : { value: now };
      }),
    );
  }

  #parse(found: { readonly doc: unknown } | undefined): BudgetAccount {
    const keys = this.deps.calendar.keysAt(this.deps.clock.now());
    return found ? rollOverBudgetPeriods(BudgetAccount.decode(found.doc as never), keys) : createBudgetAccount(keys);
  }
}
