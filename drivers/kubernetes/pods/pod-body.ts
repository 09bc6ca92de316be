import type * as k8s from '@kubernetes/client-node';
import type { Secret } from '../../../src/core/text/secret.ts';
import type { SandboxLimits, SandboxRecipe, SandboxSpec, ServiceSpec, Weakness } from '../../driver.ts';
import { sandboxHome, workspaceAlias } from '../../shared/home.ts';
import { hashDaemonToken } from '../../shared/link/token.ts';
import { createObjectMetadata } from '../labels.ts';
import type { HostAndPort, PodSettings } from '../options.ts';
import { sandboxContainerName, toServiceContainerName } from './pod-state.ts';

const user = 10_001;
const mebibyte = 2 ** 20;
const logBytes = 64 * mebibyte;
/** File whose only line identifies the session. Only in pods of a shared template. */
export const egressIdentityPath = '/run/corral-state/egress';

export type PodCredentials =
  | { readonly of: SandboxSpec; readonly daemonToken: Secret; readonly egressToken: Secret }
  | { readonly of: 'template'; readonly publicKey: string };

export interface PodSpecRequest {
  readonly recipe: SandboxRecipe;
  readonly settings: PodSettings;
  readonly port: number;
  readonly access: PodCredentials;
  readonly egress: HostAndPort | undefined;
  readonly extraCa: string | undefined;
  /** Undefined: the files are deleted with the pod. */
  readonly claimName?: string;
}

interface PodRequest extends Omit<PodSpecRequest, 'recipe' | 'claimName'> {
  readonly spec: SandboxSpec;
  readonly name: string;
  readonly namespace: string;
  readonly instance: string;
  readonly key: string;
  /** Keeps a failed call from removing another call's pod. */
  readonly attempt: string;
  readonly now: number;
}

export const createEgressLabel = (egress: HostAndPort | undefined) => ({ 'corral/egress': egress ? 'proxy' : 'none' });

export function createPodBody({
  spec,
  name,
  namespace,
  instance,
  key,
  attempt,
  now,
  ...request
}: PodRequest): k8s.V1Pod {
  const { labels, annotations } = createObjectMetadata(spec, instance, {
    'corral/key': key,
    'corral/attempt': attempt,
  });
  const claim = request.settings.workspace === 'volume' && { claimName: name };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { ...labels, ...createEgressLabel(request.egress) }, annotations },
    spec: {
      activeDeadlineSeconds: Math.max(1, Math.ceil((spec.expiresAt - now) / 1_000)),
      ...createPodSpec({ ...request, ...claim, recipe: spec }),
    },
  };
}

/** Stricter than the Pod Security level "restricted". */
export function createPodSpec(request: PodSpecRequest): k8s.V1PodSpec {
  const { recipe, settings } = request;
  const { volumes, mounts } = volumesFor(recipe.limits, request.claimName, recipe.env.CORRAL_DESKTOP === 'on');
  const { services = [] } = recipe;
  const diskBytes = recipe.limits.diskBytes + overshoot + Object.keys(places).length * scratch + logBytes;
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 1, // pid 1 exits immediately on TERM
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    ...(settings.userNamespaces && { hostUsers: false }),
    shareProcessNamespace: false,
    hostname: 'sandbox',
    ...serviceAliases(services),
    dnsPolicy: 'None', // the proxy resolves names
    dnsConfig: { nameservers: ['127.0.0.1'] },
    securityContext: {
      runAsNonRoot: true,
      ...(settings.podUser === 'fixed' && { runAsUser: user, runAsGroup: user, fsGroup: user }),
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: seccompOf(settings),
    },
    ...(settings.runtimeClass !== undefined && { runtimeClassName: settings.runtimeClass }),
    ...(settings.priorityClass !== undefined && { priorityClassName: settings.priorityClass }),
    ...(settings.imagePullSecrets.length > 0 && {
      imagePullSecrets: settings.imagePullSecrets.map((it) => ({ name: it })),
    }),
    nodeSelector: { 'kubernetes.io/os': 'linux', ...settings.nodeSelector },
    tolerations: [
      ...['not-ready', 'unreachable'].map((trouble) => ({
        key: `node.kubernetes.io/${trouble}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: settings.nodeLossSeconds,
      })),
      ...settings.tolerations,
    ],
    volumes: [...volumes, ...serviceVolumes(services)],
    containers: [
      {
        name: sandboxContainerName,
        image: recipe.image,
        imagePullPolicy: settings.imagePullPolicy,
        workingDir: '/workspace',
        env: environment(request),
        ports: [{ name: 'sandboxd', containerPort: request.port, protocol: 'TCP' }],
        resources: computeResources({ ...recipe.limits, diskBytes }, settings.requestShare),
        securityContext: containerWalls(settings),
        volumeMounts: mounts,
      },
      ...serviceContainers(services, settings),
    ],
  };
}

const seccompOf = ({ seccompProfile }: PodSettings): k8s.V1SeccompProfile =>
  seccompProfile === undefined ? { type: 'RuntimeDefault' } : { type: 'Localhost', localhostProfile: seccompProfile };

const fromPod = (name: string, fieldPath: string): k8s.V1EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });

/** The server's variables override the template's. */
function environment({ recipe, port, access, egress, extraCa }: PodSpecRequest): k8s.V1EnvVar[] {
  const env = {
    ...recipe.env,
    HOME: sandboxHome,
    CORRAL_DISK_BYTES: String(recipe.limits.diskBytes),
    ...(access.of !== 'template' && {
      CORRAL_SANDBOX_ID: access.of.id,
      CORRAL_SANDBOXD_TOKEN: hashDaemonToken(access.daemonToken),
    }),
    CORRAL_SANDBOXD_LISTEN: `0.0.0.0:${port}`,
    CORRAL_WORKSPACE: '/workspace',
    CORRAL_WORKSPACE_ALIAS: workspaceAlias,
    CORRAL_RUN_DIR: '/run/corral',
    CORRAL_EXTRA_CA_PEM: extraCa ?? '',
    // services share the sandbox's loopback interface, so the forwarder checks the user
    ...(recipe.services?.length && { CORRAL_EGRESS_OWN_USER: '1' }),
    ...(egress
      ? {
          CORRAL_EGRESS_URL: `tcp://${egress.host}:${egress.port}`,
          ...(access.of === 'template'
            ? { CORRAL_EGRESS_FILE: egressIdentityPath }
            : { CORRAL_EGRESS_TOKEN: access.egressToken.reveal() }),
        }
      : { CORRAL_EGRESS_PORT: '0' }), // port 0 makes connections to the proxy fail immediately instead of timing out
  };
  const fixed = Object.entries(env).map(([name, value]) => ({ name, value: unexpanded(value) }));
  if (access.of !== 'template') return fixed;
  return [
    ...fixed,
    fromPod('CORRAL_SANDBOX_ID', 'metadata.name'),
    fromPod('CORRAL_POD_UID', 'metadata.uid'),
    { name: 'CORRAL_SANDBOXD_TOKEN', value: `${access.publicKey}:$(CORRAL_POD_UID)` },
  ];
}

const scratch = 256 * mebibyte;
/** Lets the daemon end writers before the kubelet evicts the pod and deletes its files. */
const overshoot = 1_024 * mebibyte;
const places = { tmp: '/tmp', home: '/home/agent' } as const;

function volumesFor({ diskBytes, memoryBytes }: SandboxLimits, claim: string | undefined, hasDesktop: boolean) {
  const volumes: k8s.V1Volume[] = [
    claim === undefined
      ? { name: 'workspace', emptyDir: { sizeLimit: String(diskBytes + overshoot) } }
      : { name: 'workspace', persistentVolumeClaim: { claimName: claim } },
    ...Object.keys(places).map((name) => ({ name, emptyDir: { sizeLimit: String(scratch) } })),
    { name: 'run', emptyDir: { medium: 'Memory', sizeLimit: String(16 * mebibyte) } },
  ];
  // The browser needs more than a pod's default /dev/shm of 64 MiB.
  if (hasDesktop)
    volumes.push({ name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: String(Math.floor(memoryBytes / 4)) } });
  const mounts: k8s.V1VolumeMount[] = [
    ...(hasDesktop ? [{ name: 'shm', mountPath: '/dev/shm' }] : []),
    ...['/workspace', workspaceAlias].map((mountPath) => ({ name: 'workspace', mountPath })),
    ...Object.entries(places).map(([name, mountPath]) => ({ name, mountPath })),
    ...['corral', 'corral-state'].map((subPath) => ({ name: 'run', mountPath: `/run/${subPath}`, subPath })),
  ];
  return { volumes, mounts };
}

const containerWalls = (settings: PodSettings): k8s.V1SecurityContext => ({
  privileged: false,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: seccompOf(settings),
});

/** `share`: requests as a fraction of the limits. The scheduler reserves the requests. */
function computeResources(
  { memoryBytes, cpus, diskBytes }: Omit<SandboxLimits, 'pids'>,
  share: number,
): k8s.V1ResourceRequirements {
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

const runtimeProfile =
  "Sandboxes use the seccomp profile of their node's runtime (RuntimeDefault), which may allow AF_VSOCK and newer " +
  'system calls. On each node, install the profile that `./corral seccomp-profile` prints (see docs/kubernetes.md), ' +
  'then set CORRAL_KUBERNETES_SECCOMP_PROFILE.';
const sharedUser =
  'All sandboxes of a node run as one user of its kernel (10001), so one can use up what the kernel limits per user, ' +
  'such as inotify instances. Set CORRAL_KUBERNETES_USER_NAMESPACES=true where nodes support it.';
export const listPodWeaknesses = ({ seccompProfile, userNamespaces }: PodSettings): Weakness[] => [
  ...(seccompProfile === undefined ? [{ name: 'seccomp-profile', text: runtimeProfile }] : []),
  ...(userNamespaces ? [] : [{ name: 'shared-user', text: sharedUser }]),
];

// Service containers get none of the sandbox's volumes, variables or tokens.

/** Not the sandbox's user, because the egress forwarder admits only that user. */
const serviceUser = 10_002;

function serviceContainers(services: readonly ServiceSpec[], settings: PodSettings): k8s.V1Container[] {
  return services.map((service): k8s.V1Container => {
    const { name, image, command, env = {}, healthcheck, limits } = service;
    return {
      name: toServiceContainerName(name),
      image,
      imagePullPolicy: settings.imagePullPolicy,
      ...(command && { args: command.map(unexpanded) }),
      env: Object.entries(env).map(([key, value]) => ({ name: key, value: unexpanded(value) })),
      resources: computeResources({ ...limits, diskBytes: logBytes }, settings.requestShare),
      securityContext: { ...containerWalls(settings), runAsUser: serviceUser, runAsGroup: serviceUser },
      ...(healthcheck && {
        readinessProbe: {
          exec: { command: [...healthcheck.test] },
          periodSeconds: Math.ceil(healthcheck.intervalSeconds),
          timeoutSeconds: Math.ceil(healthcheck.timeoutSeconds),
          failureThreshold: healthcheck.retries,
        },
      }),
      volumeMounts: foldersOf(service).map((mountPath) => ({
        name: toServiceContainerName(name),
        mountPath,
        subPath: mountPath.slice(1).replaceAll('/', '_'),
      })),
    };
  });
}

/** Files here count toward the memory of the container that writes them. */
const serviceVolumes = (services: readonly ServiceSpec[]): k8s.V1Volume[] =>
  services.map(({ name, limits }) => ({
    name: toServiceContainerName(name),
    emptyDir: { medium: 'Memory', sizeLimit: String(limits.memoryBytes) },
  }));

const serviceAliases = (services: readonly ServiceSpec[]) =>
  services.length === 0 ? {} : { hostAliases: [{ ip: '127.0.0.1', hostnames: services.map(({ name }) => name) }] };

const foldersOf = ({ scratch = [] }: ServiceSpec) => [...new Set(['/tmp', '/run', ...scratch])];
/** Escapes `$(`, because the kubelet would expand `$(NAME)`. */
const unexpanded = (text: string) => text.replaceAll('$(', () => '$$(');
