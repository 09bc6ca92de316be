import { type KubeObject, uidOf } from './collection.ts';

/** Maximum removed objects remembered, so that late events about them are ignored. */
const maxGone = 10_000;

/** Known objects of a watch. Duplicate, late and outdated events change nothing; all others reach `onChange`. */
export function createObjectTable<T extends KubeObject>(
  keep: (object: T) => T,
  onChange: (uid: string, object: T | undefined) => void,
) {
  const objects = new Map<string, T>(); // by uid
  const gone = new Map<string, number>(); // by uid: resource version at the object's removal
  const table = {
    all: (): T[] => [...objects.values()],
    get: (uid: string): T | undefined => objects.get(uid),
    seen(object: T): void {
      const uid = uidOf(object);
      const known = objects.get(uid);
      const left = gone.get(uid) ?? -1;
      if (left >= versionOf(object) || (known && versionOf(known) >= versionOf(object))) return;
      gone.delete(uid);
      const kept = keep(object);
      objects.set(uid, kept);
      onChange(uid, kept);
    },
    /** Records a full list at that version: objects missing from it are gone, even if the watch is still behind. */
    listed(all: readonly T[], version: string): void {
      const there = new Set(all.map(uidOf));
      for (const object of all) table.seen(object);
      for (const object of table.all()) {
        if (!there.has(uidOf(object)) && versionOf(object) <= Number(version)) table.deleted(object, Number(version));
      }
    },
    /**
     * Records the object as gone up to `version`; a later version means that it matches the watch's selector again. Default: gone
     * forever.
     */
    deleted(object: KubeObject, version = Number.POSITIVE_INFINITY): void {
      const uid = uidOf(object);
      gone.set(uid, version);
      const [oldest] = gone.keys();
      if (gone.size > maxGone && oldest !== undefined) gone.delete(oldest);
      if (objects.delete(uid)) onChange(uid, undefined);
    },
  };
  return table;
}

const versionOf = ({ metadata }: KubeObject) => Number(metadata?.resourceVersion ?? 0);
