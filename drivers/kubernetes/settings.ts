import { z } from 'zod';
import {
  booleanValue,
  hostAndPort,
  integerValue,
  numberValue,
  oneOf,
  textValue,
  wordList,
} from '../../src/config/kinds.ts';
import { defineOptionalSetting, defineSetting } from '../../src/config/setting.ts';

const labelForm = /^[^=\s]+=[^=\s]*$/;

export const kubernetesSettings = z.strictObject({
  kubeconfig: defineOptionalSetting(
    textValue('a file, or several with : between them'),
    "cluster and credentials; unset: the pod's service account, or ~/.kube/config",
    'KUBECONFIG',
  ),
  context: defineOptionalSetting(textValue('a name'), 'context of the kubeconfig; unset: its current one'),
  engine: defineSetting(
    oneOf('auto', 'agent-sandbox', 'pods'),
    'auto',
    'what runs sandboxes: claims of agents.x-k8s.io, or pods; auto: claims where the cluster and the rights permit them',
  ),
  namespace: defineSetting(textValue('a name', /^[a-z0-9-]{1,63}$/), 'corral-sandboxes', 'namespace of the pods'),
  reach: defineSetting(
    oneOf('auto', 'pod-ip', 'port-forward'),
    'auto',
    'how pods are reached; auto is pod-ip in a pod, else port-forward, through the API server',
  ),
  daemonPort: defineSetting(integerValue(1024, 65_535), 2718, 'port of the daemon in each pod'),
  egressListen: defineSetting(
    hostAndPort(),
    '0.0.0.0:8118',
    'where the server listens for the egress connections of pods',
  ),
  egressAddress: defineOptionalSetting(
    hostAndPort(),
    "address at which pods reach that listener, such as a service's name and port; unset: pods have no network access",
  ),
  serverNamespace: defineSetting(
    textValue('a name', /^[a-z0-9-]{1,63}$/),
    'corral',
    "namespace of the server's own pods",
  ),
  serverLabels: defineSetting(
    wordList('labels such as app=corral', labelForm),
    [],
    "labels of the server's own pods, for the network policies; none: by address only",
  ),
  networkPolicies: defineSetting(
    oneOf('managed', 'given'),
    'managed',
    'whether the server manages the network policies, or they are provided, for example by the chart',
  ),
  workspace: defineSetting(
    oneOf('ephemeral', 'volume'),
    'ephemeral',
    "volume: a claim keeps a session's files without its pod; ephemeral: they are deleted with the pod",
  ),
  storageClass: defineOptionalSetting(
    textValue('a name'),
    "storage class of those claims; unset: the cluster's default",
  ),
  runtimeClass: defineOptionalSetting(textValue('a name such as gvisor'), 'runtime class of the pods'),
  seccompProfile: defineOptionalSetting(
    textValue('a path such as corral.json', /^[\w.-]+(\/[\w.-]+)*$/),
    "path of Corral's seccomp profile in the kubelet's seccomp folder on every node; unset: the runtime's profile",
  ),
  priorityClass: defineOptionalSetting(textValue('a name'), 'priority class of the pods'),
  nodeSelector: defineSetting(
    wordList('labels such as disk=ssd', labelForm),
    [],
    'labels of nodes that can run the pods',
  ),
  tolerations: defineSetting(
    wordList(
      'taints such as sandboxes=only:NoSchedule',
      /^[^=:\s]+(=[^:\s]*)?(:(NoSchedule|PreferNoSchedule|NoExecute))?$/,
    ),
    [],
    'taints of nodes that the pods tolerate',
  ),
  imagePullSecrets: defineSetting(wordList('names', /^[a-z0-9.-]+$/), [], 'image pull secrets in the namespace'),
  imagePullPolicy: defineSetting(oneOf('IfNotPresent', 'Always', 'Never'), 'IfNotPresent', 'when nodes pull the image'),
  requestShare: defineSetting(numberValue(0.01, 1), 0.25, "part of a sandbox's limits that is reserved for it"),
  podUser: defineSetting(
    oneOf('fixed', 'assigned'),
    'fixed',
    'user of the pods: fixed is 10001; assigned: the cluster assigns one in group 0, as OpenShift does',
  ),
  userNamespaces: defineSetting(
    booleanValue(),
    false,
    'runs pods in user namespaces, so their users are unprivileged on the node; nodes must support it',
  ),
  nodeLossSeconds: defineSetting(integerValue(0, 3600), 30, 'seconds after which a pod on a lost node is abandoned'),
  pendingSeconds: defineSetting(integerValue(1, 3600), 120, 'how long a pod can wait for a node or a registry'),
  maxInFlight: defineSetting(
    integerValue(1, 1000),
    10,
    'maximum number of requests to the API server at the same time',
  ),
});
export type KubernetesSettings = z.output<typeof kubernetesSettings>;
