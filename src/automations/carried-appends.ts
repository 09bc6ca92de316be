import type { Append, EventLog } from '../core/contracts/ports.ts';

/** The same log, whose appends carry further records while `isOpen` says so. */
export function carryRecords(log: EventLog, carry: (entry: Append) => Append, isOpen: () => boolean): EventLog {
  const carried = new WeakMap<Append, Append>(); // a repeated append has to be the same object
  return {
    ...log,
    append: (entry) => {
      if (!isOpen()) return log.append(entry);
      const found = carried.get(entry) ?? carry(entry);
      carried.set(entry, found);
      return log.append(found);
    },
  };
}
