import type { AppendRequest, EventLog } from '../core/contracts/ports.ts';

export function withAddedRecords(
  log: EventLog,
  carry: (entry: AppendRequest) => AppendRequest,
  isOpen: () => boolean,
): EventLog {
  const carried = new WeakMap<AppendRequest, AppendRequest>(); // a repeated append must pass the same object to the log
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
