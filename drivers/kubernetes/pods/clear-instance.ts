import { openApi } from '../api/api.ts';
import { type KubeObject, openCollection } from '../api/collection.ts';
import { openCredentials } from '../api/credentials.ts';
import { statusOf } from '../api/status.ts';
import { claimPath } from '../claims/platform.ts';
import type { KubernetesOptions } from '../options.ts';
import { removeObject } from './pod-watch.ts';
import { metadataList, podsPath } from './pods.ts';
import { volumeClaimsPath } from './volume-claims.ts';

type Options = Pick<KubernetesOptions, 'kubeconfig' | 'context' | 'namespace' | 'instance' | 'clock' | 'random'>;

/**
 * Cleans up after a removed installation: deletes its claims, pools and pods, then their volume claims. Needs no key,
 * only the rights to get, list and delete. Resolves with the names of the removed objects.
 */
export async function clearInstance(options: Options, signal: AbortSignal): Promise<readonly string[]> {
  const { namespace, instance, clock } = options;
  using credentials = openCredentials(options);
  const api = openApi({ credentials, clock, random: options.random, maxInFlight: 10 });
  // In an order in which nothing starts again: claims and pools before the pods that they would replace.
  const kinds = [
    ...['sandboxclaim', 'sandboxwarmpool', 'sandboxtemplate'].map((kind) => ({
      ...{ path: claimPath(namespace, `${kind}s`), kind, how: { propagationPolicy: 'Foreground' } as const },
    })),
    { path: podsPath(namespace), kind: 'pod', how: { gracePeriodSeconds: 1 } },
    { path: volumeClaimsPath(namespace), kind: 'volume claim', how: {} },
  ];
  const removed: string[] = [];
  for (const { path, kind, how } of kinds) {
    const objects = openCollection(api, path, `${kind}s`);
    const query = { selector: { labelSelector: `corral/instance=${instance}` }, accept: metadataList };
    const { items } = await objects.list(query, signal).catch((error) => {
      if (statusOf(error) === 404) return { items: [] }; // the cluster has no such kind
      throw error;
    });
    const remove = (it: KubeObject) =>
      'propagationPolicy' in how // the controller ends these, and the pods are awaited
        ? objects.remove(it, how, signal)
        : removeObject(it, { objects, options: how, clock, watch: undefined }, signal);
    await Promise.all(items.map(remove));
    removed.push(...items.map(({ metadata }) => `${kind} ${metadata?.name}`));
  }
  return removed;
}
