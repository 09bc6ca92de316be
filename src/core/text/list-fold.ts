// Caches values computed from immutable lists.

interface Progress {
  readonly upto: number;
  readonly value: unknown;
}
const known = new WeakMap<readonly unknown[], Map<object, Progress>>();

export function extendList<Item>(list: readonly Item[], more: readonly Item[]): readonly Item[] {
  if (more.length === 0) return list;
  const longer = list.concat(more);
  const before = known.get(list);
  if (before) known.set(longer, new Map(before));
  return longer;
}

/**
 * Like `reduce`, but if `extendList` built the list, continues from the result for the shorter list. `step` must not change the
 * previous value.
 *
 * @example
 * const countChars = createListFold(0, (sum, text: string) => sum + text.length);
 */
export function createListFold<Item, Value>(
  empty: Value,
  step: (value: Value, item: Item, at: number) => Value,
): (list: readonly Item[]) => Value {
  const fold = {};
  return (list) => {
    const folds = known.get(list) ?? new Map<object, Progress>();
    const before = folds.get(fold);
    let value = before ? (before.value as Value) : empty;
    for (let at = before?.upto ?? 0; at < list.length; at++) value = step(value, list[at] as Item, at);
    if (before?.upto !== list.length) known.set(list, folds.set(fold, { upto: list.length, value }));
    return value;
  };
}

/** Caches one result per object. The objects must be immutable. */
export function memoizeByKey<Key extends object, Value>(compute: (key: Key) => Value): (key: Key) => Value {
  const values = new WeakMap<Key, { readonly value: Value }>();
  return (key) => {
    const before = values.get(key);
    if (before) return before.value;
    const value = compute(key);
    values.set(key, { value });
    return value;
  };
}
