import type { V1ResourceRequirements, V1SeccompProfile, V1SecurityContext } from '@kubernetes/client-node';
import type { SandboxLimits, Weakness } from '../../driver.ts';
import type { PodSettings } from '../options.ts';

/** Isolation shared by the containers of sandboxes and services. */
export const containerWalls = (seccompProfile: V1SeccompProfile): V1SecurityContext => ({
  privileged: false,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile,
});

/** `share`: how much of the limits the scheduler reserves. */
export function computeResources(
  { memoryBytes, cpus, diskBytes }: Omit<SandboxLimits, 'pids'>,
  share: number,
): V1ResourceRequirements {
  const milli = (count: number) => `${Math.max(1, Math.round(count * 1_000))}m`;
  return {
    limits: { memory: String(memoryBytes), cpu: milli(cpus), 'ephemeral-storage': String(diskBytes) },
    requests: {
      memory: String(Math.ceil(memoryBytes * share)),
      cpu: milli(cpus * share),
      'ephemeral-storage': String(Math.ceil(diskBytes * share)),
    },
  };
}

const runtimeProfile: Weakness = {
  name: 'seccomp-profile',
  text:
    "Sandboxes have the seccomp profile of their node's runtime (RuntimeDefault), which may allow AF_VSOCK and newer " +
    'system calls. Install the one that `npm start -- seccomp-profile` prints on each node (see docs/kubernetes.md), and ' +
    'set CORRAL_KUBERNETES_SECCOMP_PROFILE.',
};
const sharedUser: Weakness = {
  name: 'shared-user',
  text:
    'All sandboxes of a node are one user to its kernel (10001), so one can take what the kernel counts by user, such ' +
    'as inotify instances, from the others. Set CORRAL_KUBERNETES_USER_NAMESPACES=true where nodes can do it.',
};

/** Weaknesses of the pod settings, each with its meaning and remedy. */
export const findWeaknesses = ({ seccompProfile, userNamespaces }: PodSettings): Weakness[] => [
  ...(seccompProfile === undefined ? [runtimeProfile] : []),
  ...(userNamespaces ? [] : [sharedUser]),
];
