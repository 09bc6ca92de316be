import type { Clock } from '../../../src/core/contracts/clock.ts';
import { openApi } from '../api/api.ts';
import { openCredentials } from '../api/credentials.ts';
import { openPods } from './pods.ts';
import { openClaims } from './volume-claims.ts';

interface Options {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string;
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * Cleans up after a removed installation: deletes its pods, then their volume claims. Needs no key, only the rights to
 * get, list and delete. Resolves with the names of the removed objects.
 */
export async function clearInstance(options: Options, signal: AbortSignal): Promise<readonly string[]> {
  const { namespace, instance, clock } = options;
  using credentials = openCredentials(options);
  const api = openApi({ credentials, clock, random: options.random, maxInFlight: 10 });
  const owned = `corral/instance=${instance}`;
  const pods = openPods({ api, namespace, clock });
  const claims = openClaims(api, namespace, instance, undefined);
  const running = await pods.listMetadata(owned, signal);
  await Promise.all(running.map((pod) => pods.remove(pod, signal)));
  const kept = await claims.list(owned, signal);
  const names = kept.map(({ metadata }) => metadata?.name ?? '');
  await Promise.all(names.map((name) => claims.remove(name, signal)));
  return [...running.map(({ metadata }) => `pod ${metadata?.name}`), ...names.map((name) => `volume claim ${name}`)];
}
