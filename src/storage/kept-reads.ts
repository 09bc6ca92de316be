import type { Store } from '../core/contracts/ports.ts';
import { budgetAccountKind, childLinkKind, serverSettingKind, toolServerKind } from '../core/model/records.ts';
import { unfinishedAttemptsKind } from '../core/model/runs/attempts.ts';

/** Each run reads these kinds several times, and they seldom change. */
const kept: ReadonlySet<string> = new Set([
  ...[toolServerKind, childLinkKind, unfinishedAttemptsKind, budgetAccountKind, serverSettingKind],
]);
const maxAnswers = 1_000; // per kind

/** Caches reads until a record of the same kind changes. Callers must not modify the documents. */
export function withReadCache(store: Store): Store {
  if (store.shared) return store;
  const { events, records } = store;
  const answers = new Map<string, Map<string, Promise<unknown>>>();

  /** Results read during a write are not kept. */
  async function changing<Result>(kinds: Iterable<string>, write: () => Promise<Result>): Promise<Result> {
    const clear = () => {
      for (const kind of kinds) answers.delete(kind);
    };
    clear();
    try {
      return await write();
    } finally {
      clear();
    }
  }
  const change = <Result>(kind: string, write: () => Promise<Result>) =>
    kept.has(kind) ? changing([kind], write) : write();

  function answer<Result>(kind: string, query: string, read: () => Promise<Result>): Promise<Result> {
    if (!kept.has(kind)) return read();
    const known = answers.get(kind) ?? new Map<string, Promise<unknown>>();
    answers.set(kind, known);
    const before = known.get(query) as Promise<Result> | undefined;
    if (before) return before;
    if (known.size >= maxAnswers) known.clear();
    const found = read();
    known.set(query, found);
    found.catch(() => known.delete(query));
    return found;
  }

  return {
    ...store,
    events: {
      ...events,
      append(entry) {
        const kinds = entry.puts?.filter(({ kind }) => kept.has(kind)).map(({ kind }) => kind) ?? [];
        return kinds.length > 0 ? changing(kinds, () => events.append(entry)) : events.append(entry);
      },
      erase: (sessionId) => changing(kept, () => events.erase(sessionId)),
    },
    records: {
      ...records,
      get: (kind, id) => answer(kind, id, () => records.get(kind, id)),
      list: async (kind, options = {}) => [
        ...(await answer(kind, JSON.stringify(options), () => records.list(kind, options))),
      ],
      put: (record) => change(record.kind, () => records.put(record)),
      delete: (kind, id, expect) => change(kind, () => records.delete(kind, id, expect)),
    },
  };
}
