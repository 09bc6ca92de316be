import type { Clock } from '../../src/core/clock.ts';
import type { AppError } from '../../src/core/errors.ts';
import type { IdSource } from '../../src/core/ids.ts';
import type { Secret } from '../../src/core/secret.ts';

export interface Toleration {
  readonly key: string;
  readonly value?: string;
  readonly effect?: string;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** What the operator may say of every sandbox's pod; nothing here can loosen what a pod may do. */
export interface PodSettings {
  /** A volume claim keeps the files when the pod ends; an `emptyDir` ends with it. */
  readonly workspace: 'ephemeral' | 'volume';
  readonly storageClass?: string;
  readonly runtimeClass?: string;
  /** Where each node has our seccomp profile, below its kubelet's folder of them; else pods have their runtime's. */
  readonly seccompProfile?: string;
  readonly priorityClass?: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
  readonly imagePullSecrets: readonly string[];
  readonly imagePullPolicy: 'IfNotPresent' | 'Always' | 'Never';
  /** What part of the limits of memory and processor is reserved for each sandbox. */
  readonly requestShare: number;
  /** Root in the pod is nobody on the node; not every node can do it. */
  readonly userNamespaces: boolean;
  /** How long a pod stays bound to a node that does not answer. */
  readonly nodeLossSeconds: number;
}

/** Which pods are this server, for the network policies; where they are none, whoever has the address. */
export interface ServerPods {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the pods themselves, which may be another one than their service's. */
  readonly egressPort: number;
}

export interface KubernetesOptions {
  /** Files as in KUBECONFIG; without them the service account of the pod we are in, or ~/.kube/config. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace: string;
  /** This installation's name; several may share one namespace. Part of every pod's name. */
  readonly instance: string;
  /** Tokens of sandboxes are derived from the first; with the others the pods of earlier ones are still known. */
  readonly keys: readonly Secret[];
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly random: () => number;
  /** `port-forward` where pods' addresses cannot be reached from here: everything then goes through the API server. */
  readonly reach: 'pod-ip' | 'port-forward';
  /** The daemon's port. */
  readonly port: number;
  readonly pods: PodSettings;
  /** Where pods find the egress listener; none: they have no way out, whatever their policy. */
  readonly egressAddress?: HostPort;
  readonly serverPods?: ServerPods;
  /** `given`: somebody else, such as the chart, has put the policies in place. */
  readonly networkPolicies: 'managed' | 'given';
  /** Where nothing enforces them: start no sandbox, which is the default, or say so and go on. */
  readonly unenforced?: 'refuse' | 'accept';
  /** That was found out; for the operator's log. */
  readonly onOpen?: (message: string) => void;
  /** Authorities, as PEM text, that sandboxes shall trust beside their image's own. */
  readonly extraCa?: string;
  /** How long a pod may wait for a node. */
  readonly pendingMs: number;
  /** Requests to the API server at once. */
  readonly maxInFlight: number;
  /** Whether sandboxes are asked for with a desktop. */
  readonly desktop?: boolean;
  /** The truth could not be heard for a while; for the operator's log. */
  readonly onTrouble?: (error: AppError) => void;
}
