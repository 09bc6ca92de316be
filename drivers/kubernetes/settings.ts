import { z } from 'zod';
import { address, amount, flag, integer, oneOf, text, wordList } from '../../src/config/kinds.ts';
import { optional, setting } from '../../src/config/setting.ts';

const labelForm = /^[^=\s]+=[^=\s]*$/;

export const settings = z.strictObject({
  kubeconfig: optional(
    text('a file, or several with : between them'),
    "who to ask and as whom; unset: the pod's own service account, or ~/.kube/config",
    'KUBECONFIG',
  ),
  context: optional(text('a name'), 'context of the kubeconfig; unset: its current one'),
  namespace: setting(text('a name', /^[a-z0-9-]{1,63}$/), 'corral-sandboxes', 'namespace of the pods'),
  reach: setting(
    oneOf('auto', 'pod-ip', 'port-forward'),
    'auto',
    'how pods are reached; auto is pod-ip in a pod, else port-forward, where all goes through the API server',
  ),
  daemonPort: setting(integer(1024, 65_535), 2718, 'port in the pod that the server asks'),
  egressListen: setting(address(), '0.0.0.0:8118', 'where the server waits for what pods ask of the outside'),
  egressAddress: optional(
    address(),
    'where pods reach that, such as the name of a service and its port; unset: they have no way out',
  ),
  serverNamespace: setting(text('a name', /^[a-z0-9-]{1,63}$/), 'corral', "namespace of the server's own pods"),
  serverLabels: setting(
    wordList('labels such as app=corral', labelForm),
    [],
    "labels of the server's own pods, for the network policies; none: by the addresses alone",
  ),
  networkPolicies: setting(
    oneOf('managed', 'given'),
    'managed',
    'whether the server puts them in place, or somebody else has, such as the chart',
  ),
  workspace: setting(
    oneOf('ephemeral', 'volume'),
    'ephemeral',
    'volume: a claim keeps the files of a session while its pod is gone; ephemeral: they go with the pod',
  ),
  storageClass: optional(text('a name'), "class of those claims; unset: the cluster's default"),
  runtimeClass: optional(text('a name such as gvisor'), 'runtime class of the pods'),
  seccompProfile: optional(
    text('a path such as corral.json', /^[\w.-]+(\/[\w.-]+)*$/),
    "Corral's seccomp profile on every node, below the kubelet's folder seccomp; unset: the profile of their runtime",
  ),
  priorityClass: optional(text('a name'), 'priority class of the pods'),
  nodeSelector: setting(wordList('labels such as disk=ssd', labelForm), [], 'labels of the nodes for the pods'),
  tolerations: setting(
    wordList(
      'taints such as sandboxes=only:NoSchedule',
      /^[^=:\s]+(=[^:\s]*)?(:(NoSchedule|PreferNoSchedule|NoExecute))?$/,
    ),
    [],
    'taints of nodes that the pods tolerate',
  ),
  imagePullSecrets: setting(wordList('names', /^[a-z0-9.-]+$/), [], 'secrets in the namespace that open registries'),
  imagePullPolicy: setting(oneOf('IfNotPresent', 'Always', 'Never'), 'IfNotPresent', 'when nodes pull the image'),
  requestShare: setting(amount(0.01, 1), 0.25, "part of a sandbox's limits that is reserved for it"),
  userNamespaces: setting(flag(), false, "pods' users are nobody on the node; nodes must be able to"),
  nodeLossSeconds: setting(integer(0, 3600), 30, 'a pod is given up when its node was away for so long'),
  pendingSeconds: setting(integer(1, 3600), 120, 'how long a pod may wait for a node or a registry'),
  maxInFlight: setting(integer(1, 1000), 10, 'requests to the API server at once'),
});
/** The section `kubernetes` of the settings. */
export type KubernetesSettings = z.output<typeof settings>;
