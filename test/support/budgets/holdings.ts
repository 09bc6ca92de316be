import { createCalendar } from '../../../src/core/contracts/calendar.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { RecordStore } from '../../../src/core/contracts/ports.ts';
import type { HeldAmounts } from '../../../src/core/model/runs/budget-limits.ts';
import type { LimitHolder } from '../../../src/sessions/budgets/account.ts';
import { Accounts } from '../../../src/sessions/budgets/accounts.ts';
import { type Holding, Holdings } from '../../../src/sessions/budgets/holdings.ts';
import { storedAmounts } from '../../../src/sessions/budgets/stored-amounts.ts';
import { manualClock } from '../machines/manual-clock.ts';

interface Options {
  readonly clock?: Clock;
  readonly shared?: boolean;
  readonly server?: string;
}
/** One server's holdings, with the limits that the settings give each holder, and the shares of its sessions in memory. */
export function holdingsOf(
  records: RecordStore,
  limits: { readonly [Of in LimitHolder['of']]?: HeldAmounts },
  { clock = manualClock(), shared = false, server = 'one' }: Options = {},
) {
  const accounts = new Accounts({ records, clock, calendar: createCalendar('UTC') });
  const live = new Set<Holding>();
  const holdings = new Holdings({
    accounts,
    limitsOf: ({ of }) => ({ day: {}, month: {}, held: limits[of] ?? {} }),
    stored: storedAmounts(records),
    live: () => live,
    shared,
    server,
    clock,
    warn: () => {},
  });
  return { holdings, accounts, live, clock };
}
