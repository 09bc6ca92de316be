import type { V1Pod } from '@kubernetes/client-node';
import { openCollection } from '../api/collection.ts';
import { instanceOf } from '../labels.ts';
import { type Cluster, type PodWatch, removeObject } from './pod-watch.ts';

interface Options extends Cluster {
  /** Reports when a removed pod of the instance is gone. */
  readonly watch: () => PodWatch;
}

export const podsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
/** The Accept header of lists without specs and states. */
export const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

export function openPods({ api, namespace, instance, clock, watch }: Options) {
  const objects = openCollection<V1Pod>(api, podsPath(namespace), 'pods');
  const options = { gracePeriodSeconds: 1 };
  return {
    ...objects,
    /** Deletes exactly this pod, never another one of the same name. Resolves once it is gone. */
    remove: (pod: V1Pod, signal: AbortSignal) =>
      removeObject(pod, { objects, options, clock, watch: isOurs(pod, instance) ? watch() : undefined }, signal),
  };
}

export type Pods = ReturnType<typeof openPods>;
export const isOurs = (pod: V1Pod | undefined, instance: string): pod is V1Pod =>
  pod !== undefined && instanceOf(pod.metadata) === instance;
