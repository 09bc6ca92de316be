import type { AppendRequest, EventLog } from '../core/contracts/ports.ts';

/** Wraps the log so that its appends include further records while `isOpen` returns true. */
export function withAddedRecords(
  log: EventLog,
  carry: (entry: AppendRequest) => AppendRequest,
  isOpen: () => boolean,
): EventLog {
  const carried = new WeakMap<AppendRequest, AppendRequest>(); // a repeated append must return the same object
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
