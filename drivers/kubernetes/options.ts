import type { V1Toleration } from '@kubernetes/client-node';
import type { AppError } from '../../src/core/errors/errors.ts';
import type { Secret } from '../../src/core/text/secret.ts';
import type { DriverContext } from '../descriptor.ts';
import type { KubernetesSettings } from './settings.ts';

export type HostAndPort = Readonly<KubernetesSettings['egressListen']>;

type FromSettings =
  | ('workspace' | 'storageClass' | 'runtimeClass' | 'seccompProfile' | 'priorityClass' | 'imagePullSecrets')
  | ('imagePullPolicy' | 'requestShare' | 'podUser' | 'userNamespaces' | 'nodeLossSeconds');
/** The operator's settings for all pods. None of them gives a pod privileges, capabilities or the host's namespaces. */
export interface PodSettings extends Pick<KubernetesSettings, FromSettings> {
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly V1Toleration[];
}

/**
 * Selects the server's pods, which network policies admit. Absent: any peer can reach the daemon's port, and pods can
 * dial the egress address.
 */
export interface ServerPodSelector {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Can differ from the service's port. */
  readonly egressPort: number;
}

type OwnSettings = 'kubeconfig' | 'context' | 'namespace' | 'engine' | 'networkPolicies' | 'maxInFlight';
/** Pod names contain the instance name, so several installations can share one namespace. */
export interface KubernetesOptions
  extends Pick<KubernetesSettings, OwnSettings>,
    Pick<DriverContext, 'instance' | 'ids' | 'clock' | 'random'>,
    Partial<Pick<DriverContext, 'unenforced'>> {
  /** The first key derives the tokens of new sandboxes. The others keep older pods reachable. */
  readonly keys: readonly Secret[];
  /** `port-forward`: this server cannot reach pod addresses, so all traffic goes through the API server. */
  readonly reach: 'pod-ip' | 'port-forward';
  readonly port: number;
  readonly pods: PodSettings;
  /** Address of the egress listener for pods. Undefined: pods have no network access. */
  readonly egressAddress?: HostAndPort | undefined;
  readonly serverPods?: ServerPodSelector;
  /**
   * Called with a warning if the policies are unenforced, their check is inconclusive, or sandboxes cannot be claims.
   */
  readonly onOpen?: (message: string) => void;
  /** PEM certificates of the authorities that sandboxes trust in addition to their image's own. */
  readonly extraCa?: string | undefined;
  /** How long a sandbox start may wait for a node, an image or a claimed pod, in ms. */
  readonly pendingMs: number;
  readonly desktop?: boolean;
  readonly onTrouble?: ((error: AppError) => void) | undefined;
}
