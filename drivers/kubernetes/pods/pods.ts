import type { V1Pod } from '@kubernetes/client-node';
import { type KubeObjectOptions, openKubeObjects } from '../api/objects.ts';
import { createPodSelector } from '../labels.ts';

export const podsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
/** Short, because a pod's first process exits immediately on TERM. */
export const podRemovalOptions = { gracePeriodSeconds: 1 };

export const openPods = (cluster: KubeObjectOptions) =>
  openKubeObjects<V1Pod>(cluster, {
    path: podsPath(cluster.namespace),
    what: 'pods',
    selector: { labelSelector: createPodSelector(cluster.instance) },
    keep: trimPod,
    removal: podRemovalOptions,
  });
export type Pods = ReturnType<typeof openPods>;

/** Keeps only the fields that the driver uses, about a fifth of a pod, because every pod stays in memory. */
export function trimPod({ metadata = {}, spec, status }: V1Pod): V1Pod {
  const { activeDeadlineSeconds, nodeName } = spec ?? {};
  const kept = { ...(activeDeadlineSeconds && { activeDeadlineSeconds }), ...(nodeName && { nodeName }) };
  return { metadata, spec: { containers: [], ...kept }, ...(status && { status }) };
}
