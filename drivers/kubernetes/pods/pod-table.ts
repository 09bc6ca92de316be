import type { V1Pod } from '@kubernetes/client-node';
import { type KubeObject, uidOf } from '../api/collection.ts';

/** The part of a pod that the driver uses. The remaining four fifths would stay in memory for each pod. */
export function essence({ metadata, spec, status }: V1Pod): V1Pod {
  const { managedFields: _, ...meta } = metadata ?? {};
  const { activeDeadlineSeconds, nodeName } = spec ?? {};
  const kept = { ...(activeDeadlineSeconds && { activeDeadlineSeconds }), ...(nodeName && { nodeName }) };
  return { metadata: meta, spec: { containers: [], ...kept }, ...(status && { status }) };
}

/** Removed objects are remembered for late events, up to this many. */
const maxGone = 10_000;

/** The known objects of a watch, such as pods. Duplicate, late and outdated events change nothing. */
export class PodTable<T extends KubeObject = V1Pod> {
  readonly #objects = new Map<string, T>(); // by uid
  readonly #gone = new Map<string, number>(); // uid, and the version at which it left
  readonly #keep: (object: T) => T;
  readonly #onChange: (uid: string, object: T | undefined) => void;

  /** `onChange` is called for each change, and with undefined once the object is gone for good. */
  constructor(keep: (object: T) => T, onChange: (uid: string, object: T | undefined) => void) {
    this.#keep = keep;
    this.#onChange = onChange;
  }

  all = (): T[] => [...this.#objects.values()];
  get = (uid: string): T | undefined => this.#objects.get(uid);

  /** Records an object that exists, or existed at its resource version. */
  seen(object: T): void {
    const uid = uidOf(object);
    const known = this.#objects.get(uid);
    const left = this.#gone.get(uid) ?? -1;
    if (left >= versionOf(object) || (known && versionOf(known) >= versionOf(object))) return;
    this.#gone.delete(uid);
    const kept = this.#keep(object);
    this.#objects.set(uid, kept);
    this.#onChange(uid, kept);
  }

  /** Records a full list at that version. Known objects missing from it are gone. A watch can still be behind. */
  listed(objects: readonly T[], version: string): void {
    const there = new Set(objects.map(uidOf));
    for (const object of objects) this.seen(object);
    for (const object of this.all()) {
      if (!there.has(uidOf(object)) && versionOf(object) <= Number(version)) this.deleted(object, Number(version));
    }
  }

  /** Without a version it never returns. With one it can, as an object that matches the watch's selector again. */
  deleted(object: KubeObject, version = Number.POSITIVE_INFINITY): void {
    const uid = uidOf(object);
    this.#gone.set(uid, version);
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > maxGone && oldest !== undefined) this.#gone.delete(oldest);
    if (this.#objects.delete(uid)) this.#onChange(uid, undefined);
  }
}

const versionOf = ({ metadata }: KubeObject) => Number(metadata?.resourceVersion ?? 0);
