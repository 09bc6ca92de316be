import type { Weakness } from '../../driver.ts';
import type { PodSettings } from '../options.ts';

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
