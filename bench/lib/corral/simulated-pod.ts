import type { V1Node, V1NodeStatus, V1Pod } from '@kubernetes/client-node';

export const simulatedLabel = 'corral.test/simulated';

const now = () => new Date().toISOString().replace(/[.]\d+Z$/, 'Z');
const isTrue = (type: string) => ({ type, status: 'True', lastTransitionTime: now() });

export const createNodeBody = (name: string, set: string): Partial<Record<keyof V1Node | 'apiVersion', unknown>> => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': name, [simulatedLabel]: set } },
  spec: { taints: [{ key: simulatedLabel, value: set, effect: 'NoSchedule' }] },
});

export function createNodeStatus(): Partial<Record<keyof V1NodeStatus, unknown>> {
  const room = { cpu: '10k', memory: '100Ti', 'ephemeral-storage': '1000Ti', pods: '2000' };
  const ready = { ...isTrue('Ready'), reason: 'KubeletReady', lastHeartbeatTime: now() };
  return { capacity: room, allocatable: room, conditions: [ready] };
}

/** The patch that reports the pod as running. The uid makes it fail if the pod was replaced under its name. */
export function toRunningPodPatch({ metadata, spec, status }: V1Pod, podIP: string) {
  const at = now();
  const container = spec?.containers[0];
  return {
    metadata: { uid: metadata?.uid },
    status: {
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      startTime: at,
      conditions: [
        ...(status?.conditions?.filter(({ type }) => type === 'PodScheduled') ?? []),
        ...['Initialized', 'ContainersReady', 'Ready'].map(isTrue),
      ],
      containerStatuses: [
        {
          name: container?.name,
          image: container?.image,
          imageID: 'simulated',
          containerID: 'simulated://1',
          ready: true,
          started: true,
          restartCount: 0,
          state: { running: { startedAt: at } },
        },
      ],
    },
  };
}

/** The last step of a pod's deletion, which only its kubelet takes. */
export const finalDeleteOptions = (uid: string | undefined) => ({
  apiVersion: 'v1',
  kind: 'DeleteOptions',
  gracePeriodSeconds: 0,
  preconditions: { uid },
});
