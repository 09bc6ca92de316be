import type { V1Pod } from '@kubernetes/client-node';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { ProvisionProgress, SandboxSpec } from '../../driver.ts';
import type { KubeObject } from '../api/collection.ts';
import { instanceOf, parseSandboxInfo } from '../labels.ts';
import type { KubernetesOptions } from '../options.ts';
import { computePodState } from './pod-state.ts';
import { type PodWatch, untilSeen } from './pod-watch.ts';

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

interface Patience extends Pick<KubernetesOptions, 'clock' | 'pendingMs'> {
  readonly watch: PodWatch;
  readonly news: (news: ProvisionProgress) => void;
}
/** Resolves with the pod once its container runs. Rejects with the reason if it cannot. */
export async function untilRunning(
  pod: V1Pod,
  { watch, clock, pendingMs, news }: Patience,
  signal: AbortSignal,
): Promise<V1Pod> {
  let stuckAt: number | undefined;
  async function look(now: V1Pod | undefined) {
    const state = now && computePodState(now);
    if (!state) throw new AppError('sandbox_unavailable', 'The sandbox was removed before it started.');
    if (state.kind === 'running') return now;
    if (state.kind === 'failed') throw state.error;
    if (state.kind === 'over') throw notStarted(state.error);
    if (state.kind === 'stuck' && stuckAt === undefined) news({ phase: 'starting', detail: state.error.publicMessage });
    stuckAt = state.kind === 'stuck' ? (stuckAt ?? clock.now()) : undefined;
    if (state.kind === 'stuck' && clock.now() >= (stuckAt ?? 0) + pendingMs) throw state.error;
    return undefined;
  }
  return await untilSeen(pod, { watch, clock, everyMs: 100 }, look, signal);
}

export function notStarted(cause: AppError): AppError {
  if (cause.code !== 'sandbox_lost') return cause;
  return new AppError('sandbox_unavailable', `The sandbox did not start. ${cause.publicMessage}`, { cause });
}
