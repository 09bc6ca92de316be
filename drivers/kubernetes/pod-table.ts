import type { V1Pod } from '@kubernetes/client-node';

/** The known pods. Duplicate, late and outdated events change nothing. */
export class PodTable {
  readonly #pods = new Map<string, V1Pod>(); // by uid
  readonly #gone = new Set<string>();
  readonly #heard: (uid: string, pod: V1Pod | undefined) => void;

  /** `heard` is called for each change; with undefined, the pod is gone for good. */
  constructor(heard: (uid: string, pod: V1Pod | undefined) => void) {
    this.#heard = heard;
  }

  get size(): number {
    return this.#pods.size;
  }

  get(uid: string): V1Pod | undefined {
    return this.#pods.get(uid);
  }

  /** Records a pod that exists, or existed at its resource version. */
  seen(pod: V1Pod): void {
    const uid = uidOf(pod);
    const known = this.#pods.get(uid);
    if (this.#gone.has(uid) || (known && versionOf(known) >= versionOf(pod))) return;
    this.#pods.set(uid, pod);
    this.#heard(uid, pod);
  }

  deleted(pod: V1Pod): void {
    this.#remove(uidOf(pod));
  }

  /** Records a full list at that version. Known pods that are not in it are gone. */
  listed(pods: readonly V1Pod[], version: string): void {
    const there = new Set(pods.map(uidOf));
    for (const pod of pods) this.seen(pod);
    for (const [uid, pod] of this.#pods) {
      if (!there.has(uid) && versionOf(pod) <= number(version)) this.#remove(uid);
    }
    this.#gone.clear(); // the watch continues from this version, so older events can no longer arrive
  }

  #remove(uid: string): void {
    this.#gone.add(uid);
    if (this.#pods.delete(uid)) this.#heard(uid, undefined);
  }
}

export const uidOf = ({ metadata }: V1Pod): string => metadata?.uid ?? '';
const number = (version: string | undefined) => Number(version ?? 0);
const versionOf = ({ metadata }: V1Pod) => number(metadata?.resourceVersion);
