import type * as k8s from '@kubernetes/client-node';
import type { V1Pod } from '@kubernetes/client-node';
import { AppError, type ErrorCode } from '../../../src/core/errors/errors.ts';
import type { ServiceStatus } from '../../../src/core/model/services/recipe.ts';
import type { ProvisionProgress, ServiceSpec } from '../../driver.ts';
import { type KubeObjectOptions, openKubeObjects } from '../api/objects.ts';
import { createPodSelector } from '../labels.ts';
import type { KubernetesOptions } from '../options.ts';

export const podsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
/** Short, because a pod's first process exits immediately on TERM. */
export const podRemovalOptions = { gracePeriodSeconds: 1 };

export const watchPods = (cluster: KubeObjectOptions) =>
  openKubeObjects<V1Pod>(cluster, {
    path: podsPath(cluster.namespace),
    what: 'pods',
    selector: { labelSelector: createPodSelector(cluster.instance) },
    keep: trimPod,
    removal: podRemovalOptions,
  });
export type Pods = ReturnType<typeof watchPods>;

/** Keeps about a fifth of a pod's data, because every pod stays in memory. */
export function trimPod({ metadata = {}, spec, status }: V1Pod): V1Pod {
  const { activeDeadlineSeconds, nodeName } = spec ?? {};
  const kept = { ...(activeDeadlineSeconds && { activeDeadlineSeconds }), ...(nodeName && { nodeName }) };
  return { metadata, spec: { containers: [], ...kept }, ...(status && { status }) };
}

export const sandboxContainerName = 'sandbox';
const servicePrefix = 'svc-';
export const toServiceContainerName = (service: string) => `${servicePrefix}${service}`;

export type PodState =
  | { readonly kind: 'waiting' | 'running' }
  /** Waiting may help, for example if the cluster grows. */
  | { readonly kind: 'stuck'; readonly error: AppError }
  | { readonly kind: 'failed' | 'over'; readonly error: AppError };

export function computePodState(pod: k8s.V1Pod): PodState {
  const end = endOf(pod);
  if (end) return { kind: 'over', error: end };
  const { status } = pod;
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    const message = `No node of the cluster accepts the sandbox: ${scheduled.message ?? 'it is unschedulable.'}`;
    return { kind: 'stuck', error: new AppError('sandbox_capacity', message) };
  }
  const container = sandboxIn(pod);
  const waiting = container?.state?.waiting;
  const refused = waiting && explainWaiting(waiting);
  if (refused) return refused;
  // Ignores the pod's phase, which stays `Pending` while a service's image is missing.
  return { kind: container?.state?.running && status?.podIP ? 'running' : 'waiting' };
}

/** Statuses are sorted by container name, so a service may come first. */
const sandboxIn = ({ status }: k8s.V1Pod): k8s.V1ContainerStatus | undefined =>
  status?.containerStatuses?.find(({ name }) => name === sandboxContainerName);

const explainWaiting = ({ reason = '', message = 'no details' }: k8s.V1ContainerStateWaiting) =>
  refusals[reason]?.(`${reason}: ${message}`);

const failed =
  (code: ErrorCode, words: string) =>
  (text: string): PodState => ({ kind: 'failed', error: new AppError(code, `${words} (${text})`) });
const missing = /not found|manifest unknown|not exist|no such image|denied|unauthorized|forbidden/i;
const pulling = (text: string): PodState => {
  if (missing.test(text)) return failed('image_missing', 'The image is missing, or pulling it is not allowed.')(text);
  const message = `The image cannot be pulled at the moment. (${text})`;
  return { kind: 'stuck', error: new AppError('sandbox_unavailable', message) };
};
const refusals: Readonly<Record<string, ((text: string) => PodState) | undefined>> = {
  ErrImagePull: pulling,
  ImagePullBackOff: pulling,
  RegistryUnavailable: pulling,
  ErrImageNeverPull: failed('image_missing', 'The image is not on the node, and its pull policy forbids pulling it.'),
  InvalidImageName: failed('image_missing', 'The name of the image is not valid.'),
  ImageInspectError: failed('image_missing', 'The image cannot be used.'),
  CreateContainerConfigError: failed('sandbox_unavailable', "The sandbox's container is misconfigured."),
  CreateContainerError: failed('sandbox_unavailable', "The sandbox's container could not be created."),
  RunContainerError: failed('sandbox_unavailable', "The sandbox's container could not be started."),
};

function endOf(pod: k8s.V1Pod): AppError | undefined {
  const { metadata, status } = pod;
  const terminated = sandboxIn(pod)?.state?.terminated;
  const ended = status?.phase === 'Failed' || status?.phase === 'Succeeded';
  if (!ended && !terminated && !metadata?.deletionTimestamp) return undefined;
  const disruption = status?.conditions?.find(({ type, status: is }) => type === 'DisruptionTarget' && is === 'True');
  const reason = status?.reason ?? '';
  const known = reasons[disruption?.reason ?? ''] ?? reasons[reason];
  if (known) return lost(`${known}${detail(status?.message ?? disruption?.message)}`);
  if (/^(OutOf|NodeAffinity|UnexpectedAdmissionError)/.test(reason)) {
    return new AppError('sandbox_capacity', `The node rejected the sandbox${detail(status?.message ?? reason)}`);
  }
  if (terminated) return lost(endOfContainer(terminated));
  if (metadata?.deletionTimestamp) return lost('The sandbox was removed.');
  return lost(`The sandbox ended${detail(status?.message ?? status?.reason)}`);
}

const lost = (message: string) => new AppError('sandbox_lost', message);
const detail = (message: string | undefined) => (message ? `: ${message}` : '.');
const endOfContainer = ({ reason, exitCode }: k8s.V1ContainerStateTerminated) =>
  reason === 'OOMKilled'
    ? 'The sandbox was killed because it ran out of memory.'
    : `The sandbox ended with exit code ${exitCode}.`;

const reasons: Readonly<Record<string, string | undefined>> = {
  EvictionByEvictionAPI: 'The sandbox was evicted, for example because its node was drained',
  PreemptionByScheduler: 'The sandbox was preempted by a pod with higher priority',
  DeletionByTaintManager: 'The node of the sandbox does not answer, or no longer accepts sandboxes',
  DeletionByPodGC: 'The node of the sandbox no longer exists',
  TerminationByKubelet: 'The node of the sandbox ran short of resources and ended it',
  Evicted: 'The node of the sandbox ran short of resources and evicted it',
  Preempting: 'The sandbox was preempted by a pod with higher priority',
  Shutdown: 'The node of the sandbox was shut down',
  NodeShutdown: 'The node of the sandbox was shut down',
  Terminated: 'The node of the sandbox was shut down',
  NodeLost: 'The node of the sandbox does not answer',
  DeadlineExceeded: 'The sandbox reached its maximum age',
};

type Patience = Pick<KubernetesOptions, 'clock' | 'pendingMs'> & { pods: Pods; news(it: ProvisionProgress): void };
export async function waitForRunningPod(
  pod: k8s.V1Pod,
  { pods, clock, pendingMs, news }: Patience,
  signal: AbortSignal,
): Promise<k8s.V1Pod> {
  let stuckAt: number | undefined;
  async function look(now: k8s.V1Pod | undefined) {
    const state = now && computePodState(now);
    if (!state) throw new AppError('sandbox_unavailable', 'The sandbox was removed before it started.');
    if (state.kind === 'running') return now;
    if (state.kind === 'failed') throw state.error;
    if (state.kind === 'over') throw toStartError(state.error);
    if (state.kind === 'stuck' && stuckAt === undefined) news({ phase: 'starting', detail: state.error.publicMessage });
    stuckAt = state.kind === 'stuck' ? (stuckAt ?? clock.now()) : undefined;
    if (state.kind === 'stuck' && clock.now() >= (stuckAt ?? 0) + pendingMs) throw state.error;
    return undefined;
  }
  return await pods.until(pod, look, signal);
}

export function toStartError(cause: AppError): AppError {
  if (cause.code !== 'sandbox_lost') return cause;
  return new AppError('sandbox_unavailable', `The sandbox did not start. ${cause.publicMessage}`, { cause });
}

const statusesOf = ({ status }: k8s.V1Pod): readonly k8s.V1ContainerStatus[] =>
  (status?.containerStatuses ?? []).filter(({ name }) => name.startsWith(servicePrefix));

export function toServiceStates(pod: k8s.V1Pod): Omit<ServiceStatus, 'ports'>[] {
  return statusesOf(pod)
    .map(({ name, image, ready, state }): Omit<ServiceStatus, 'ports'> => {
      const own = { name: name.slice(servicePrefix.length), image };
      if (state?.terminated) return { ...own, state: 'exited', exitCode: state.terminated.exitCode };
      if (!state?.running) return { ...own, state: 'absent' };
      const probed = pod.spec?.containers.some((it) => it.name === name && it.readinessProbe) ?? false;
      return { ...own, state: probed && ready ? 'ready' : 'running' };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Throws if waiting would not help. */
export function computeServiceStartState(pod: k8s.V1Pod, { name, image }: ServiceSpec): 'waiting' | 'begun' {
  const has = pod.spec?.containers.some((it) => it.name === toServiceContainerName(name)) ?? false;
  const absent = 'The sandbox was started without this service. Stop it and start it again.';
  if (!has) throw new AppError('sandbox_unavailable', absent);
  const found = statusesOf(pod).find((it) => it.name === toServiceContainerName(name))?.state;
  if (found?.running || found?.terminated) return 'begun';
  const refused = found?.waiting && explainWaiting(found.waiting);
  if (refused?.kind === 'failed') throw new AppError(refused.error.code, `${image}: ${refused.error.publicMessage}`);
  return 'waiting';
}
