import type { Append, EventLog } from '../core/contracts/ports.ts';

/** The same log, whose appends include further records while `isOpen` returns true. */
export function carryRecords(log: EventLog, carry: (entry: Append) => Append, isOpen: () => boolean): EventLog {
  const carried = new WeakMap<Append, Append>(); // a repeated append must be the same object
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
