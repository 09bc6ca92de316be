import { parseExpiry, selectAllInstallations, selectAllPods } from '../labels.ts';
import type { Pods } from './pods.ts';

interface ReapOptions {
  readonly pods: Pods;
  /** Only this installation's pods. Undefined: those of every Corral in the namespace. */
  readonly instance: string | undefined;
  readonly now: number;
}

/** A pod this long past its deadline no longer has an owner, so any installation can delete it. */
const marginMs = 60_000;

/** Deletes expired pods and resolves with their names. */
export async function reapPods({ pods, instance, now }: ReapOptions, signal: AbortSignal): Promise<string[]> {
  const all = await pods.listMetadata(
    instance === undefined ? selectAllInstallations : selectAllPods(instance),
    signal,
  );
  const late = all.filter(({ metadata }) => parseExpiry(metadata) + marginMs < now); // a pod without a readable deadline is kept
  await Promise.all(late.map((pod) => pods.remove(pod, signal)));
  return late.map(({ metadata }) => metadata?.name ?? '');
}
