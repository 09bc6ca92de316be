import type { Clock } from '../../../src/core/contracts/clock.ts';
import { openApi } from '../api/api.ts';
import { openCollection } from '../api/collection.ts';
import { openCredentials } from '../api/credentials.ts';
import { statusOf } from '../api/status.ts';
import { claimPath } from '../claims/platform.ts';
import { openPods } from './pods.ts';
import { openVolumeClaims } from './volume-claims.ts';

interface Options {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string;
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
}

/** In an order in which nothing starts again: claims and pools before the pods that they would replace. */
const kinds = ['sandboxclaims', 'sandboxwarmpools', 'sandboxtemplates'];

/**
 * Cleans up after a removed installation: deletes its claims, pools and pods, then their volume claims. Needs no key,
 * only the rights to get, list and delete. Resolves with the names of the removed objects.
 */
export async function clearInstance(options: Options, signal: AbortSignal): Promise<readonly string[]> {
  const { namespace, instance, clock } = options;
  using credentials = openCredentials(options);
  const api = openApi({ credentials, clock, random: options.random, maxInFlight: 10 });
  const selector = `corral/instance=${instance}`;
  const removed: string[] = [];
  for (const kind of kinds) {
    const objects = openCollection(api, claimPath(namespace, kind), kind);
    const { items } = await objects.list({ selector }, signal).catch((error) => {
      if (statusOf(error) === 404) return { items: [] }; // the cluster has no such kind
      throw error;
    });
    await Promise.all(items.map((it) => objects.remove(it, { propagationPolicy: 'Foreground' }, signal)));
    removed.push(...items.map(({ metadata }) => `${kind} ${metadata?.name}`));
  }
  const pods = openPods({ api, namespace, clock });
  const running = await pods.listMetadata(selector, signal);
  await Promise.all(running.map((pod) => pods.remove(pod, signal)));
  const volumes = openVolumeClaims(api, namespace, instance);
  const names = (await volumes.list({ selector }, signal)).items.map(({ metadata }) => metadata?.name ?? '');
  await Promise.all(names.map((name) => volumes.remove(name, signal)));
  return [
    ...removed,
    ...running.map(({ metadata }) => `pod ${metadata?.name}`),
    ...names.map((name) => `volume claim ${name}`),
  ];
}
