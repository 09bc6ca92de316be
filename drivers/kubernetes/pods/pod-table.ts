import type { V1Pod } from '@kubernetes/client-node';
import type { KubeObject } from '../api/collection.ts';

/** The part of a pod that the driver uses. The remaining four fifths would stay in memory for each pod. */
export function essence({ metadata, spec, status }: V1Pod): V1Pod {
  const { managedFields: _, ...meta } = metadata ?? {};
  const { activeDeadlineSeconds } = spec ?? {};
  return {
    metadata: meta,
    spec: { containers: [], ...(activeDeadlineSeconds !== undefined && { activeDeadlineSeconds }) },
    ...(status && { status }),
  };
}

/** Removed pods are remembered for late events, up to this many. */
const maxGone = 10_000;

/** The known objects of a watch, such as pods. Duplicate, late and outdated events change nothing. */
export class PodTable<T extends KubeObject = V1Pod> {
  readonly #pods = new Map<string, T>(); // by uid
  readonly #gone = new Set<string>();
  readonly #keep: (object: T) => T;
  readonly #onChange: (uid: string, pod: T | undefined) => void;

  /** `listener` is called for each change, and with undefined once the pod is gone for good. */
  constructor(keep: (object: T) => T, listener: (uid: string, pod: T | undefined) => void) {
    this.#keep = keep;
    this.#onChange = listener;
  }

  get size(): number {
    return this.#pods.size;
  }

  get(uid: string): T | undefined {
    return this.#pods.get(uid);
  }

  /** Records a pod that exists, or existed at its resource version. */
  seen(pod: T): void {
    const uid = uidOf(pod);
    const known = this.#pods.get(uid);
    if (this.#gone.has(uid) || (known && versionOf(known) >= versionOf(pod))) return;
    const kept = this.#keep(pod);
    this.#pods.set(uid, kept);
    this.#onChange(uid, kept);
  }

  deleted(pod: T): void {
    this.#remove(uidOf(pod));
  }

  /** Records a full list at that version. Known pods missing from it are gone. A watch can still be behind. */
  listed(pods: readonly T[], version: string): void {
    const there = new Set(pods.map(uidOf));
    for (const pod of pods) this.seen(pod);
    for (const [uid, pod] of this.#pods) {
      if (!there.has(uid) && versionOf(pod) <= number(version)) this.#remove(uid);
    }
  }

  /** Called when a watch begins at the last list's version, so that no older event can arrive. */
  restarted(): void {
    this.#gone.clear();
  }

  #remove(uid: string): void {
    this.#gone.add(uid);
    const [oldest] = this.#gone;
    if (this.#gone.size > maxGone && oldest !== undefined) this.#gone.delete(oldest);
    if (this.#pods.delete(uid)) this.#onChange(uid, undefined);
  }
}

export const uidOf = ({ metadata }: KubeObject): string => metadata?.uid ?? '';
const number = (version: string | undefined) => Number(version ?? 0);
const versionOf = ({ metadata }: KubeObject) => number(metadata?.resourceVersion);
