import type { V1Pod } from '@kubernetes/client-node';
import { raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxSpec } from '../../driver.ts';
import type { KubeObject } from '../api/collection.ts';
import { instanceOf, parseSandboxInfo } from '../labels.ts';
import { computePodState } from './pod-state.ts';
import type { PodWatch } from './pod-watch.ts';

/** Rejects unless the object with the sandbox's name belongs to its session and to no newer server. */
export function checkOwner(kind: string, { metadata }: KubeObject, spec: SandboxSpec, instance: string): void {
  const info = parseSandboxInfo(metadata, 'ready');
  if (instanceOf(metadata) !== instance || info?.sessionId !== spec.sessionId) {
    const advice = 'Remove it, or give this installation another name.';
    throw new AppError('sandbox_unavailable', `Another program's ${kind} has the name ${metadata?.name}. ${advice}`);
  }
  if (info.epoch > spec.epoch)
    throw new AppError('fenced', 'Another server has taken over this session and its sandbox.');
}

/** Resolves with the pod once its container runs. Rejects with the reason if it cannot. */
export async function untilRunning(
  watch: PodWatch,
  pod: V1Pod,
  { patienceMs, stuck }: { patienceMs: number; stuck: (detail: string) => void },
  signal: AbortSignal,
): Promise<V1Pod> {
  const { promise, resolve, reject } = Promise.withResolvers<V1Pod>();
  let timer: NodeJS.Timeout | undefined;
  using _following = watch.follow(pod, (now) => {
    const state = now && computePodState(now);
    if (!state) return reject(new AppError('sandbox_unavailable', 'The sandbox was removed before it started.'));
    if (state.kind !== 'stuck') {
      clearTimeout(timer);
      timer = undefined;
    }
    if (state.kind === 'running') resolve(now);
    else if (state.kind === 'failed') reject(state.error);
    else if (state.kind === 'over') reject(notStarted(state.error));
    else if (state.kind === 'stuck' && !timer) {
      stuck(state.error.publicMessage);
      timer = setTimeout(() => reject(state.error), patienceMs);
    }
  });
  try {
    return await raceAbort(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

export function notStarted(cause: AppError): AppError {
  if (cause.code !== 'sandbox_lost') return cause;
  return new AppError('sandbox_unavailable', `The sandbox did not start. ${cause.publicMessage}`, { cause });
}
