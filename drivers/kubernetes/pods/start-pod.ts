import type { V1Pod } from '@kubernetes/client-node';
import { pause, raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxSpec } from '../../driver.ts';
import { finishOnceSent } from '../api/finish-once-sent.ts';
import { parseSandboxInfo } from '../labels.ts';
import { computePodState } from './pod-state.ts';
import type { PodWatch } from './pod-watch.ts';
import { isOurs, type Pods } from './pods.ts';
import type { SandboxKeys } from './sandbox-tokens.ts';

/** The pod that a failed call must remove again. */
export interface CreatedPod {
  pod: V1Pod | undefined;
}
interface PodStart {
  readonly pods: Pods;
  readonly keys: SandboxKeys;
  readonly instance: string;
  readonly body: V1Pod;
  readonly created: CreatedPod;
}

/** Creates the sandbox's pod, or adopts the running pod with its name. */
export async function startPod(
  { pods, keys, instance, body, created }: PodStart,
  spec: SandboxSpec,
  signal: AbortSignal,
): Promise<V1Pod> {
  const name = body.metadata?.name ?? '';
  for (;;) {
    created.pod = await finishOnceSent((begun) => pods.create(body, begun), signal);
    if (created.pod) return created.pod;
    const found = await pods.get(name, signal);
    if (found) {
      const info = parseSandboxInfo(found.metadata, 'ready');
      if (!isOurs(found, instance) || info?.sessionId !== spec.sessionId) {
        const advice = 'Remove it, or give this installation another name.';
        throw new AppError('sandbox_unavailable', `Another program's pod has the name ${name}. ${advice}`);
      }
      if (info.epoch > spec.epoch)
        throw new AppError('fenced', 'Another server has taken over this session and its sandbox.');
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
    if (state.kind !== 'stuck') clearTimeout(timer);
    if (state.kind !== 'stuck') timer = undefined;
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
