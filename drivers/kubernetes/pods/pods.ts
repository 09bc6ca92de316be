import type { V1Pod } from '@kubernetes/client-node';
import { type Cluster, openObjects } from '../api/objects.ts';
import { selectAllPods } from '../labels.ts';

export const podsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
/** How pods are deleted: their first process exits immediately on TERM. */
export const podRemoval = { gracePeriodSeconds: 1 };

/** All pods of the installation, including those that no session has claimed. */
export const openPods = (cluster: Cluster) =>
  openObjects<V1Pod>(cluster, {
    path: podsPath(cluster.namespace),
    what: 'pods',
    selector: { labelSelector: selectAllPods(cluster.instance) },
    keep: trimPod,
    removal: podRemoval,
  });
export type Pods = ReturnType<typeof openPods>;

/** The part of a pod that the driver uses. The remaining four fifths would stay in memory for each pod. */
export function trimPod({ metadata = {}, spec, status }: V1Pod): V1Pod {
  const { activeDeadlineSeconds, nodeName } = spec ?? {};
  const kept = { ...(activeDeadlineSeconds && { activeDeadlineSeconds }), ...(nodeName && { nodeName }) };
  return { metadata, spec: { containers: [], ...kept }, ...(status && { status }) };
}
