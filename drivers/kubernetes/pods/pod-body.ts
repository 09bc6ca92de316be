import type { V1EnvVar, V1Pod, V1PodSpec, V1SeccompProfile, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { Secret } from '../../../src/core/text/secret.ts';
import type { SandboxLimits, SandboxRecipe, SandboxSpec } from '../../driver.ts';
import { home, workspaceAlias } from '../../shared/home.ts';
import { hashToken } from '../../shared/link/token.ts';
import { metaFor } from '../labels.ts';
import type { HostPort, PodSettings } from '../options.ts';
import { computeResources, containerWalls } from './container-walls.ts';
import { sandboxContainer } from './pod-state.ts';
import { serviceAliases, serviceContainers, serviceVolumes } from './service-containers.ts';

/** The user id of every process inside. */
const user = 10_001;
const mebibyte = 2 ** 20;
/** Where a pod of a shared template finds the line that proves its session to the egress listener. */
export const egressFile = '/run/corral-state/egress';

/** How the pod and this server prove to each other who they are. */
export type PodAccess =
  /** A pod of one session: its variables are its own. */
  | { readonly of: SandboxSpec; readonly daemonToken: Secret; readonly egressToken: Secret }
  /** A pod of a shared template, which learns its session after its start. */
  | { readonly of: 'template'; readonly publicKey: string };

export interface ContainerRequest {
  readonly recipe: SandboxRecipe;
  readonly settings: PodSettings;
  readonly port: number;
  readonly access: PodAccess;
  /** Where pods reach the egress listener. Undefined: this one has no network access. */
  readonly egress: HostPort | undefined;
  readonly extraCa: string | undefined;
  /** The volume claim of the workspace. Undefined: its files end with the pod. */
  readonly claimName?: string;
}

interface PodRequest extends Omit<ContainerRequest, 'recipe' | 'claimName'> {
  readonly spec: SandboxSpec;
  readonly name: string;
  readonly namespace: string;
  readonly instance: string;
  /** Id of the key that the tokens are derived from. */
  readonly key: string;
  /** Id of the call that created the pod, so that a failed call never removes another call's pod. */
  readonly attempt: string;
  readonly now: number;
}

export const egressLabel = (egress: HostPort | undefined) => ({ 'corral/egress': egress ? 'proxy' : 'none' });

export function podBody({ spec, name, namespace, instance, key, attempt, now, ...request }: PodRequest): V1Pod {
  const { labels, annotations } = metaFor(spec, instance, { 'corral/key': key, 'corral/attempt': attempt });
  const claim = request.settings.workspace === 'volume' && { claimName: name };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { ...labels, ...egressLabel(request.egress) }, annotations },
    spec: {
      activeDeadlineSeconds: Math.max(1, Math.ceil((spec.expiresAt - now) / 1_000)),
      ...podSpec({ ...request, ...claim, recipe: spec }),
    },
  };
}

/** The only place that defines what a sandbox's pod can do: less than the Pod Security level "restricted" allows. */
export function podSpec(request: ContainerRequest): V1PodSpec {
  const { recipe, settings } = request;
  const { volumes, mounts } = volumesFor(recipe.limits, request.claimName, recipe.env.CORRAL_DESKTOP === 'on');
  const { services = [] } = recipe;
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
    dnsPolicy: 'None', // the proxy resolves names; the pod has no resolver
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
        name: sandboxContainer,
        image: recipe.image,
        imagePullPolicy: settings.imagePullPolicy,
        workingDir: '/workspace',
        env: environment(request),
        ports: [{ name: 'sandboxd', containerPort: request.port, protocol: 'TCP' }],
        resources: resourcesFor(recipe.limits, settings.requestShare),
        securityContext: containerWalls(seccompOf(settings)),
        volumeMounts: mounts,
      },
      ...serviceContainers(services, { ...settings, seccompProfile: seccompOf(settings) }),
    ],
  };
}

const seccompOf = ({ seccompProfile }: PodSettings): V1SeccompProfile =>
  seccompProfile === undefined ? { type: 'RuntimeDefault' } : { type: 'Localhost', localhostProfile: seccompProfile };

const fromPod = (name: string, fieldPath: string): V1EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });

/** The template's variables come first, so that they cannot override ours. */
function environment({ recipe, port, access, egress, extraCa }: ContainerRequest): V1EnvVar[] {
  const env = {
    ...recipe.env,
    HOME: home,
    CORRAL_DISK_BYTES: String(recipe.limits.diskBytes),
    ...(access.of !== 'template' && {
      CORRAL_SANDBOX_ID: access.of.id,
      CORRAL_SANDBOXD_TOKEN: hashToken(access.daemonToken),
    }),
    CORRAL_SANDBOXD_LISTEN: `0.0.0.0:${port}`,
    CORRAL_WORKSPACE: '/workspace',
    CORRAL_WORKSPACE_ALIAS: workspaceAlias,
    CORRAL_RUN_DIR: '/run/corral',
    CORRAL_EXTRA_CA_PEM: extraCa ?? '',
    ...(recipe.services?.length && { CORRAL_EGRESS_OWN_USER: '1' }), // services run as other users on the same loopback
    ...(egress
      ? {
          CORRAL_EGRESS_URL: `tcp://${egress.host}:${egress.port}`,
          ...(access.of === 'template'
            ? { CORRAL_EGRESS_FILE: egressFile }
            : { CORRAL_EGRESS_TOKEN: access.egressToken.reveal() }),
        }
      : { CORRAL_EGRESS_PORT: '0' }), // port 0: dialling the proxy fails immediately instead of timing out
  };
  // Doubled, because the kubelet would expand `$(NAME)`.
  const fixed = Object.entries(env).map(([name, value]) => ({ name, value: value.replaceAll('$(', () => '$$(') }));
  if (access.of !== 'template') return fixed;
  return [
    ...fixed,
    fromPod('CORRAL_SANDBOX_ID', 'metadata.name'),
    fromPod('CORRAL_POD_UID', 'metadata.uid'),
    { name: 'CORRAL_SANDBOXD_TOKEN', value: `${access.publicKey}:$(CORRAL_POD_UID)` },
  ];
}

const scratch = 256 * mebibyte;
/**
 * The kubelet ends a pod beyond its limit, and its files are lost. The daemon, which ends only the writers, must act
 * first.
 */
const overshoot = 1_024 * mebibyte;
const places = { tmp: '/tmp', home: '/home/agent' } as const;

function volumesFor({ diskBytes, memoryBytes }: SandboxLimits, claim: string | undefined, hasDesktop: boolean) {
  const volumes: V1Volume[] = [
    claim === undefined
      ? { name: 'workspace', emptyDir: { sizeLimit: String(diskBytes + overshoot) } }
      : { name: 'workspace', persistentVolumeClaim: { claimName: claim } },
    ...Object.keys(places).map((name) => ({ name, emptyDir: { sizeLimit: String(scratch) } })),
    { name: 'run', emptyDir: { medium: 'Memory', sizeLimit: String(16 * mebibyte) } },
  ];
  // Shared by the browser's tabs; by default a node grants a pod only 64 MiB.
  if (hasDesktop)
    volumes.push({ name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: String(Math.floor(memoryBytes / 4)) } });
  const mounts: V1VolumeMount[] = [
    ...(hasDesktop ? [{ name: 'shm', mountPath: '/dev/shm' }] : []),
    ...['/workspace', workspaceAlias].map((mountPath) => ({ name: 'workspace', mountPath })),
    ...Object.entries(places).map(([name, mountPath]) => ({ name, mountPath })),
    ...['corral', 'corral-state'].map((subPath) => ({ name: 'run', mountPath: `/run/${subPath}`, subPath })),
  ];
  return { volumes, mounts };
}

function resourcesFor({ memoryBytes, cpus, diskBytes }: SandboxLimits, share: number) {
  const log = 64 * mebibyte;
  const disk = diskBytes + overshoot + Object.keys(places).length * scratch + log;
  return computeResources({ memoryBytes, cpus, diskBytes: disk }, share);
}
