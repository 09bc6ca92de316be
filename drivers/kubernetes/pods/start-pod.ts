import type { V1Pod } from '@kubernetes/client-node';
import { pause, raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxSpec } from '../../driver.ts';
import type { KubeObject } from '../api/collection.ts';
import { instanceOf, parseSandboxInfo } from '../labels.ts';
import { computePodState } from './pod-state.ts';
import type { PodWatch } from './pod-watch.ts';
import type { Pods } from './pods.ts';
import type { SandboxKeys } from './sandbox-tokens.ts';

interface PodStart {
  readonly pods: Pods;
  readonly keys: SandboxKeys;
  readonly instance: string;
  readonly body: V1Pod;
}

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

/** Creates the sandbox's pod, or adopts the running pod with its name. */
export async function startPod(
  { pods, keys, instance, body }: PodStart,
  spec: SandboxSpec,
  signal: AbortSignal,
): Promise<V1Pod> {
  for (;;) {
    const created = await pods.create(body, signal);
    if (created) return created;
    const found = await pods.get(body.metadata?.name ?? '', signal);
    if (found) {
      checkOwner('pod', found, spec, instance);
      const known = keys.daemonToken(spec.id, found.metadata?.annotations?.['corral/key']) !== undefined;
      if (known && computePodState(found).kind !== 'over') return found;
      await pods.remove(found, signal); // a workspace in a volume claim is kept
    }
    await pause(25, signal);
  }
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
