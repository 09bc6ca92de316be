/** The entry of this name. An inherited property is no entry: a file can be called `x.constructor`. */
export const own = <Value>(entries: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(entries, name) ? entries[name] : undefined;
