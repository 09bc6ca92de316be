import type {
  V1ContainerStateTerminated,
  V1ContainerStateWaiting,
  V1ContainerStatus,
  V1Pod,
} from '@kubernetes/client-node';
import { AppError, type ErrorCode } from '../../../src/core/errors/errors.ts';

export const sandboxContainer = 'sandbox';

/** The meaning of a pod's status for callers that start or use the sandbox. */
export type PodState =
  | { readonly kind: 'waiting'; readonly detail: string }
  /** Time can help: a bigger cluster, or a registry that recovers. The caller limits the wait. */
  | { readonly kind: 'stuck'; readonly error: AppError }
  | { readonly kind: 'running'; readonly ip: string }
  | { readonly kind: 'failed'; readonly error: AppError }
  | { readonly kind: 'over'; readonly error: AppError };

export function stateOf(pod: V1Pod): PodState {
  const end = endOf(pod);
  if (end) return { kind: 'over', error: end };
  const { status } = pod;
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    const message = `No node of the cluster takes the sandbox: ${scheduled.message ?? 'it is unschedulable.'}`;
    return { kind: 'stuck', error: new AppError('sandbox_capacity', message) };
  }
  const container = sandboxIn(pod);
  const waiting = container?.state?.waiting;
  const refused = waiting && refusalOf(waiting);
  if (refused) return refused;
  // The phase stays `Pending` as long as a service's image is missing, which is no concern of the sandbox.
  if (container?.state?.running && status?.podIP) return { kind: 'running', ip: status.podIP };
  return { kind: 'waiting', detail: waiting?.reason ?? status?.phase ?? 'Pending' };
}

/** The list of a pod's containers is ordered by their names, and services come with names of their own. */
const sandboxIn = ({ status }: V1Pod): V1ContainerStatus | undefined =>
  status?.containerStatuses?.find(({ name }) => name === sandboxContainer);

/** Why a container does not start; undefined: it only waits. */
export const refusalOf = ({ reason = '', message = 'no more is said' }: V1ContainerStateWaiting) =>
  refusals[reason]?.(`${reason}: ${message}`);

const failed =
  (code: ErrorCode, words: string) =>
  (text: string): PodState => ({ kind: 'failed', error: new AppError(code, `${words} (${text})`) });
const missing = /not found|manifest unknown|not exist|no such image|denied|unauthorized|forbidden/i;
const pulling = (text: string): PodState => {
  if (missing.test(text)) return failed('image_missing', 'The image is missing, or may not be pulled.')(text);
  const message = `The image cannot be pulled at the moment. (${text})`;
  return { kind: 'stuck', error: new AppError('sandbox_unavailable', message) };
};
/** A container's waiting reasons that time alone does not fix, or only sometimes. */
const refusals: Readonly<Record<string, ((text: string) => PodState) | undefined>> = {
  ErrImagePull: pulling,
  ImagePullBackOff: pulling,
  RegistryUnavailable: pulling,
  ErrImageNeverPull: failed('image_missing', 'The image is not on the node, and its pull policy forbids pulling it.'),
  InvalidImageName: failed('image_missing', 'The name of the image is not valid.'),
  ImageInspectError: failed('image_missing', 'The image cannot be used.'),
  CreateContainerConfigError: failed('sandbox_unavailable', "The sandbox's container is set up wrongly."),
  CreateContainerError: failed('sandbox_unavailable', "The sandbox's container could not be made."),
  RunContainerError: failed('sandbox_unavailable', "The sandbox's container could not be started."),
};

/** The reason why the pod has ended or is about to; undefined while it runs. */
function endOf(pod: V1Pod): AppError | undefined {
  const { metadata, status } = pod;
  const terminated = sandboxIn(pod)?.state?.terminated;
  const ended = status?.phase === 'Failed' || status?.phase === 'Succeeded';
  if (!ended && !terminated && !metadata?.deletionTimestamp) return undefined;
  const disruption = status?.conditions?.find(({ type, status: is }) => type === 'DisruptionTarget' && is === 'True');
  const reason = status?.reason ?? '';
  const known = disruptions[disruption?.reason ?? ''] ?? reasons[reason];
  if (known) return lost(`${known}${detail(status?.message ?? disruption?.message)}`);
  if (/^(OutOf|NodeAffinity|UnexpectedAdmissionError)/.test(reason)) {
    return new AppError('sandbox_capacity', `The node did not take the sandbox${detail(status?.message ?? reason)}`);
  }
  if (terminated) return lost(endOfContainer(terminated));
  if (metadata?.deletionTimestamp) return lost('The sandbox was removed.');
  return lost(`The sandbox ended${detail(status?.message ?? status?.reason)}`);
}

const lost = (message: string) => new AppError('sandbox_lost', message);
const detail = (message: string | undefined) => (message ? `: ${message}` : '.');
const endOfContainer = ({ reason, exitCode }: V1ContainerStateTerminated) =>
  reason === 'OOMKilled'
    ? 'The sandbox was killed because it ran out of memory.'
    : `The sandbox ended with exit code ${exitCode}.`;

const disruptions: Readonly<Record<string, string | undefined>> = {
  EvictionByEvictionAPI: 'The sandbox was evicted, as when its node is drained',
  PreemptionByScheduler: 'The sandbox had to make room for something more important',
  DeletionByTaintManager: 'The node of the sandbox does not answer, or is not for sandboxes any more',
  DeletionByPodGC: 'The node of the sandbox is gone',
  TerminationByKubelet: 'The node of the sandbox ran short and ended it',
};
const reasons: Readonly<Record<string, string | undefined>> = {
  Evicted: 'The node of the sandbox ran short and evicted it',
  Preempting: 'The sandbox had to make room for something more important',
  Shutdown: 'The node of the sandbox was shut down',
  NodeShutdown: 'The node of the sandbox was shut down',
  Terminated: 'The node of the sandbox was shut down',
  NodeLost: 'The node of the sandbox does not answer',
  DeadlineExceeded: 'The sandbox reached its maximum age',
};
