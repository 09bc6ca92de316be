import type { Clock } from '../../src/core/clock.ts';
import { openApi } from './api.ts';
import { openClaims } from './claims.ts';
import { openCredentials } from './credentials.ts';
import { openPods } from './pods.ts';

interface Options {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string;
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * Ends everything of one installation that is gone itself: its pods, then the volumes they held. Needs no key, and no
 * right but to get, list and delete. The names of what it removed.
 */
export async function clearInstance(options: Options, signal: AbortSignal): Promise<readonly string[]> {
  const { namespace, instance, clock } = options;
  using credentials = openCredentials(options);
  const api = openApi({ credentials, clock, random: options.random, maxInFlight: 10 });
  const owned = `corral/instance=${instance}`;
  const pods = openPods(api, namespace, clock);
  const claims = openClaims(api, namespace, instance, undefined);
  const running = await pods.list(owned, signal);
  await Promise.all(running.map((pod) => pods.remove(pod, signal)));
  const kept = await claims.list(owned, signal);
  const names = kept.map(({ metadata }) => metadata?.name ?? '');
  await Promise.all(names.map((name) => claims.remove(name, signal)));
  return [...running.map(({ metadata }) => `pod ${metadata?.name}`), ...names.map((name) => `volume claim ${name}`)];
}
