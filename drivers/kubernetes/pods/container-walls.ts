import type { V1ResourceRequirements, V1SeccompProfile, V1SecurityContext } from '@kubernetes/client-node';

/** Isolation shared by the containers of sandboxes and services. */
export const containerWalls = (seccompProfile: V1SeccompProfile): V1SecurityContext => ({
  privileged: false,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile,
});

interface Amounts {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly diskBytes: number;
  /** Disk space that the scheduler reserves. */
  readonly requestedDiskBytes: number;
}
/** `share`: how much of the memory and CPU limits the scheduler reserves. */
export function computeResources(
  { memoryBytes, cpus, diskBytes, requestedDiskBytes }: Amounts,
  share: number,
): V1ResourceRequirements {
  const milli = (count: number) => `${Math.max(1, Math.round(count * 1_000))}m`;
  return {
    limits: { memory: String(memoryBytes), cpu: milli(cpus), 'ephemeral-storage': String(diskBytes) },
    requests: {
      memory: String(Math.ceil(memoryBytes * share)),
      cpu: milli(cpus * share),
      'ephemeral-storage': String(requestedDiskBytes),
    },
  };
}
