/**
 * The supervisor's own notes about its sessions, in small parts by the end of their ids. Each change copies three small
 * objects instead of one with an entry for every session in memory.
 */
export type Children<Child> = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Child>>>>>>;

const placeOf = (id: string) => [id.at(-1) ?? '', id.at(-2) ?? ''] as const;

export function childOf<Child>(children: Children<Child>, id: string): Child | undefined {
  const [first, second] = placeOf(id);
  return children[first]?.[second]?.[id];
}

export function withChild<Child>(children: Children<Child>, id: string, child: Child): Children<Child> {
  const [first, second] = placeOf(id);
  const part = children[first];
  return { ...children, [first]: { ...part, [second]: { ...part?.[second], [id]: child } } };
}

export function withoutChild<Child>(children: Children<Child>, id: string): Children<Child> {
  const [first, second] = placeOf(id);
  const part = children[first] ?? {};
  return kept(children, first, kept(part, second, without(part[second] ?? {}, id)));
}

export const childrenIn = <Child>(children: Children<Child>): [string, Child][] =>
  Object.values(children).flatMap((part) => Object.values(part).flatMap((small) => Object.entries(small)));

type Entries<Value> = Readonly<Record<string, Value>>;

function without<Value>(all: Entries<Value>, key: string): Entries<Value> {
  const { [key]: _gone, ...rest } = all;
  return rest;
}

/** Without the entry if nothing is left in it. */
const kept = <Value extends object>(all: Entries<Value>, key: string, value: Value): Entries<Value> =>
  Object.keys(value).length > 0 ? { ...all, [key]: value } : without(all, key);
