import { expiryOf, instanceOf } from './labels.ts';
import type { Pods } from './pods.ts';

interface Reaping {
  readonly pods: Pods;
  /** Only this installation's; without one, every Corral's in the namespace. */
  readonly instance: string | undefined;
  readonly now: number;
}

/** Past its deadline nobody owns a pod any more, whoever made it: it is ended, and its object goes. */
const marginMs = 60_000;

/** Names of the pods that were removed. */
export async function reapPods({ pods, instance, now }: Reaping, signal: AbortSignal): Promise<string[]> {
  const all = await pods.list('app.kubernetes.io/managed-by=corral,app.kubernetes.io/name=corral-sandbox', signal);
  const late = all.filter(({ metadata }) => {
    if (instance !== undefined && instanceOf(metadata) !== instance) return false;
    return expiryOf(metadata) + marginMs < now; // none that is not a number
  });
  await Promise.all(late.map((pod) => pods.remove(pod, signal)));
  return late.map(({ metadata }) => metadata?.name ?? '');
}
