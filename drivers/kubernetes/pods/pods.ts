import type { V1Pod } from '@kubernetes/client-node';
import { pause, throwIfFired } from '../../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { KubeApi } from '../api/api.ts';
import { type Collection, openCollection } from '../api/collection.ts';
import { instanceOf } from '../labels.ts';
import type { PodWatch } from './pod-watch.ts';

export interface Pods extends Pick<Collection<V1Pod>, 'path' | 'what' | 'get' | 'create' | 'patch' | 'list'> {
  /** The pods without specs and states, for callers that need only names, labels and annotations. */
  listMetadata(selector: string, signal: AbortSignal): Promise<V1Pod[]>;
  /** Deletes exactly this pod, never another one of the same name. Resolves once it is gone. */
  remove(pod: V1Pod, signal: AbortSignal): Promise<void>;
}

/**
 * After this time an unconfirmed delete counts as done: the node is assumed lost, and a forced delete frees the name.
 */
const confirmMs = 15_000;
/** Interval for reading a removed pod while the watch reports it, in case the watch is broken. */
const watchedMs = 2_000;
const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

interface Options {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly clock: Clock;
  /** Reports when a removed pod is gone. Without it the pod is polled. */
  readonly watch?: () => Pick<PodWatch, 'follow'>;
}

export const podsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;

export function openPods({ api, namespace, clock, watch }: Options): Pods {
  const pods = openCollection<V1Pod>(api, podsPath(namespace), 'pods');
  return {
    ...pods,
    listMetadata: async (selector, signal) => (await pods.list({ selector, accept: metadataList }, signal)).items,
    async remove(pod, signal) {
      const { name = '', uid = '' } = pod.metadata ?? {};
      const gone = new AbortController();
      using _following = watch?.().follow(pod, (now) => void (now ?? gone.abort()));
      await pods.remove(pod, { gracePeriodSeconds: 1 }, signal);
      const since = clock.now();
      let forced = false;
      for (let ms = watch ? watchedMs : 0; ; ms = watch ? watchedMs : Math.min(Math.max(ms * 1.3, 50), 500)) {
        await pause(ms, AbortSignal.any([signal, gone.signal]), clock).catch(() => throwIfFired(signal));
        if (gone.signal.aborted) return;
        const left = await pods.get(name, signal);
        if (left?.metadata?.uid !== uid) return;
        if (forced || clock.now() - since <= confirmMs) continue;
        forced = true;
        await pods.remove(pod, { gracePeriodSeconds: 0 }, signal);
      }
    },
  };
}

export const isOurs = (pod: V1Pod | undefined, instance: string): pod is V1Pod =>
  pod !== undefined && instanceOf(pod.metadata) === instance;
