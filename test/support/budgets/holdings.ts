import { createCalendar } from '../../../src/core/contracts/calendar.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { RecordStore } from '../../../src/core/contracts/ports.ts';
import type { ConcurrentAmounts } from '../../../src/core/model/runs/budget-limits.ts';
import type { BudgetHolder } from '../../../src/sessions/api/server/budgets.ts';
import { BudgetAccountStore } from '../../../src/sessions/budgets/account.ts';
import {
  ConcurrencyLimiter,
  type ConcurrentUsage,
  createStoredAmountReader,
} from '../../../src/sessions/budgets/holdings.ts';
import { manualClock } from '../machines/manual-clock.ts';

interface Options {
  readonly clock?: Clock;
  readonly shared?: boolean;
  readonly server?: string;
}
/** One server's holdings, with the limits that the settings give each holder, and the shares of its sessions in memory. */
export function holdingsOf(
  records: RecordStore,
  limits: { readonly [Of in BudgetHolder['of']]?: ConcurrentAmounts },
  { clock = manualClock(), shared = false, server = 'one' }: Options = {},
) {
  const accounts = new BudgetAccountStore({ records, clock, calendar: createCalendar('UTC') });
  const live = new Set<ConcurrentUsage>();
  const holdings = new ConcurrencyLimiter({
    accounts,
    limitsOf: ({ of }) => ({ day: {}, month: {}, held: limits[of] ?? {} }),
    stored: createStoredAmountReader(records),
    live: () => live,
    shared,
    server,
    clock,
    warn: () => {},
  });
  return { holdings, accounts, live, clock };
}
