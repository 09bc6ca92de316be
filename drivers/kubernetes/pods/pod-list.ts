import type { V1Pod } from '@kubernetes/client-node';
import type { ApiRequest, KubeApi } from '../api/api.ts';

interface PodQuery extends Pick<ApiRequest, 'accept' | 'tries'> {
  /** The path of the pods and the label selector. */
  readonly path: string;
  /** Applied to each page, so that at most one full page is in memory. */
  readonly keep: (pod: V1Pod) => V1Pod;
}

interface Page {
  readonly items: readonly V1Pod[];
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

/** A pod is about 12 KiB of JSON: a single answer for thousands of them would exceed the size limit. */
const pageSize = 500;

/** All pods at one version of the cluster, read in pages. */
export async function listPods(api: KubeApi, podQuery: PodQuery, signal: AbortSignal) {
  const { path, keep, ...how } = podQuery;
  const items: V1Pod[] = [];
  for (let next = ''; ; ) {
    const from = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
    const request = { ...how, method: 'GET', path: `${path}&limit=${pageSize}${from}`, what: 'list pods' } as const;
    const page = await api.ask<Page>(request, signal);
    for (const pod of page.items) items.push(keep(pod));
    next = page.metadata?.continue ?? '';
    if (next === '') return { items, version: page.metadata?.resourceVersion ?? '' };
  }
}
