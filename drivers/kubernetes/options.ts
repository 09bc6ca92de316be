import type { V1Toleration } from '@kubernetes/client-node';
import type { AppError } from '../../src/core/errors/errors.ts';
import type { Secret } from '../../src/core/text/secret.ts';
import type { DriverContext } from '../descriptor.ts';
import type { KubernetesSettings } from './settings.ts';

export type HostAndPort = Readonly<KubernetesSettings['egressListen']>;

type FromSettings =
  | ('workspace' | 'storageClass' | 'runtimeClass' | 'seccompProfile' | 'priorityClass' | 'imagePullSecrets')
  | ('imagePullPolicy' | 'requestShare' | 'podUser' | 'userNamespaces' | 'nodeLossSeconds');
/** No setting grants a pod privileges, capabilities or access to the host's namespaces. */
export interface PodSettings extends Pick<KubernetesSettings, FromSettings> {
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly V1Toleration[];
}

/** Network policies admit only these pods. Absent: any peer can reach the daemon's port. */
export interface ServerPodSelector {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** May differ from the service's port. */
  readonly egressPort: number;
}

type OwnSettings = 'kubeconfig' | 'context' | 'namespace' | 'engine' | 'networkPolicies' | 'maxInFlight';
/** Pod names contain the instance name, so several installations can share one namespace. */
export interface KubernetesOptions
  extends Pick<KubernetesSettings, OwnSettings>,
    Pick<DriverContext, 'instance' | 'ids' | 'clock' | 'random'>,
    Partial<Pick<DriverContext, 'unenforced'>> {
  /** New sandboxes use the first key. The others keep older pods reachable. */
  readonly keys: readonly Secret[];
  /** `port-forward`: all connections to pods go through the API server. */
  readonly reach: 'pod-ip' | 'port-forward';
  readonly port: number;
  readonly pods: PodSettings;
  /** Address at which pods reach the egress listener. Undefined: pods have no network access. */
  readonly egressAddress?: HostAndPort | undefined;
  readonly serverPods?: ServerPodSelector;
  /** Receives warnings about unenforced or unchecked policies and unavailable claims. */
  readonly onOpen?: (message: string) => void;
  /** PEM certificates of the authorities that sandboxes trust in addition to their image's own. */
  readonly extraCa?: string | undefined;
  /** Maximum time that a sandbox start waits for a node, an image or a claimed pod. */
  readonly pendingMs: number;
  readonly desktop?: boolean;
  readonly onTrouble?: ((error: AppError) => void) | undefined;
}
