import type { V1Pod, V1PodList } from '@kubernetes/client-node';
import { pause, throwIfFired } from '../../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { KubeApi } from '../api/api.ts';
import { statusOf } from '../api/status.ts';
import { instanceOf } from '../labels.ts';
import { listPods } from './pod-list.ts';
import type { PodWatch } from './pod-watch.ts';

export interface Pods {
  get(name: string, signal: AbortSignal): Promise<V1Pod | undefined>;
  /** `since`: the list includes every write up to that version. The API server can answer from its cache. */
  list(selector: string, signal: AbortSignal, since?: string): Promise<V1Pod[]>;
  /** The same pods without specs and states, for callers that need only names, labels and annotations. */
  listMetadata(selector: string, signal: AbortSignal): Promise<V1Pod[]>;
  /** Undefined: the name is taken. */
  create(body: V1Pod, signal: AbortSignal): Promise<V1Pod | undefined>;
  /** Deletes exactly this pod, never another one of the same name. Resolves once it is gone. */
  remove(pod: V1Pod, signal: AbortSignal): Promise<void>;
  /** Deletes the pod only if it has not changed since it was read. Resolves with whether it was deleted. */
  removeUnchanged(pod: V1Pod, signal: AbortSignal): Promise<boolean>;
  /**
   * Patches the pod only if it has not changed since it was read. Resolves with its new metadata, or undefined if it
   * had changed.
   */
  change(pod: V1Pod, patch: object, signal: AbortSignal): Promise<V1Pod | undefined>;
}

/**
 * After this time an unconfirmed delete counts as done: the node is assumed lost, and a forced delete frees the name.
 */
const confirmMs = 15_000;
/** Interval for reading a removed pod while the watch reports it, in case the watch is broken. */
const watchedMs = 2_000;
const only = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;
const metadataOnly = only('PartialObjectMetadata');
const metadataList = only('PartialObjectMetadataList');

interface Options {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly clock: Clock;
  /** Reports when a removed pod is gone. Without it the pod is polled. */
  readonly watch?: Pick<PodWatch, 'follow'>;
}

export const podsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;

export function openPods({ api, namespace, clock, watch }: Options): Pods {
  const path = podsPath(namespace);
  const get: Pods['get'] = (name, signal) =>
    api.askFor({ method: 'GET', path: `${path}/${name}`, what: 'get pods' }, signal);

  async function end(name: string, uid: string, gracePeriodSeconds: number, signal: AbortSignal): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, preconditions: { uid } };
    try {
      await api.askFor({ method: 'DELETE', path: `${path}/${name}`, body, what: 'delete pods' }, signal);
    } catch (error) {
      if (statusOf(error) !== 409) throw error; // another pod has the name, so this one is gone
    }
  }

  return {
    get,
    async list(selector, signal, since) {
      const from = since === undefined ? '' : `&resourceVersion=${since}&resourceVersionMatch=NotOlderThan`;
      const query = `?labelSelector=${encodeURIComponent(selector)}${from}`;
      const { items } = await api.ask<V1PodList>({ method: 'GET', path: path + query, what: 'list pods' }, signal);
      return items;
    },
    async listMetadata(selector, signal) {
      const requested = { path: `${path}?labelSelector=${encodeURIComponent(selector)}`, accept: metadataList };
      return (await listPods(api, { ...requested, keep: (pod) => pod }, signal)).items;
    },
    async create(body, signal) {
      try {
        return await api.ask<V1Pod>({ method: 'POST', path, body, what: 'create pods' }, signal);
      } catch (error) {
        if (statusOf(error) === 409) return undefined;
        throw error;
      }
    },
    async removeUnchanged({ metadata }, signal) {
      const { name = '', uid = '', resourceVersion } = metadata ?? {};
      const preconditions = { uid, resourceVersion };
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 1, preconditions };
      try {
        await api.askFor({ method: 'DELETE', path: `${path}/${name}`, body, what: 'delete pods' }, signal);
        return true;
      } catch (error) {
        if (statusOf(error) === 409) return false;
        throw error;
      }
    },
    async change({ metadata }, { metadata: more, ...patch }: { metadata?: object }, signal) {
      const { name = '', resourceVersion } = metadata ?? {};
      const body = { ...patch, metadata: { ...more, resourceVersion } };
      const request = {
        method: 'PATCH',
        path: `${path}/${name}`,
        body,
        what: 'patch pods',
        accept: metadataOnly,
      } as const;
      try {
        return await api.askFor<V1Pod>(request, signal);
      } catch (error) {
        if (statusOf(error) === 409) return undefined;
        throw error;
      }
    },
    async remove(pod, signal) {
      const { name = '', uid = '' } = pod.metadata ?? {};
      const gone = new AbortController();
      using _following = watch?.follow(pod, (now) => void (now ?? gone.abort()));
      await end(name, uid, 1, signal);
      const since = clock.now();
      let forced = false;
      for (let ms = watch ? watchedMs : 0; ; ms = watch ? watchedMs : Math.min(Math.max(ms * 1.3, 50), 500)) {
        await pause(ms, AbortSignal.any([signal, gone.signal]), clock).catch(() => throwIfFired(signal));
        if (gone.signal.aborted) return;
        const left = await get(name, signal);
        if (left?.metadata?.uid !== uid) return;
        if (forced || clock.now() - since <= confirmMs) continue;
        forced = true;
        await end(name, uid, 0, signal);
      }
    },
  };
}

export const isOurs = (pod: V1Pod | undefined, instance: string): pod is V1Pod =>
  pod !== undefined && instanceOf(pod.metadata) === instance;
