import type { V1EnvVar, V1Pod, V1PodSpec, V1SeccompProfile, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { Secret } from '../../../src/core/text/secret.ts';
import type { SandboxLimits, SandboxSpec } from '../../driver.ts';
import { home, workspaceAlias } from '../../shared/home.ts';
import { hashToken } from '../../shared/link/token.ts';
import { contentNote, metaFor, warmMeta } from '../labels.ts';
import type { HostPort, PodSettings } from '../options.ts';
import { computeResources, containerWalls } from './container-walls.ts';
import { sandboxContainer } from './pod-state.ts';
import { serviceAliases, serviceContainers, serviceVolumes } from './service-containers.ts';

/** The user id of every process inside. */
const user = 10_001;
const mebibyte = 2 ** 20;

export interface PodRequest {
  readonly spec: SandboxSpec;
  readonly name: string;
  readonly namespace: string;
  readonly instance: string;
  readonly settings: PodSettings;
  readonly port: number;
  /** Id of the key that the tokens are derived from. */
  readonly key: string;
  /** Id of the call that created the pod, so that a failed call never removes another call's pod. */
  readonly attempt: string;
  readonly daemonToken: Secret;
  readonly wayOut: { readonly address: HostPort; readonly token: Secret } | undefined;
  readonly extraCa: string | undefined;
  readonly now: number;
  /** Set only for a pool pod, which no session owns yet. */
  readonly pool?: { readonly recipe: string; readonly content: string };
}

/** The only place that defines what a sandbox's pod can do: less than the Pod Security level "restricted" allows. */
export function podBody(request: PodRequest): V1Pod {
  const { spec, name, namespace, instance, key, attempt } = request;
  const { pool } = request;
  const notes = { 'corral/key': key, 'corral/attempt': attempt, ...(pool && { [contentNote]: pool.content }) };
  const { labels: own, annotations } = metaFor(spec, instance, notes);
  const labels = pool ? warmMeta(spec, pool.recipe, own) : own;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...labels, 'corral/egress': request.wayOut ? 'proxy' : 'none' },
      annotations,
    },
    spec: podSpec(request),
  };
}

function podSpec({ spec, settings, ...request }: PodRequest): V1PodSpec {
  const claim = settings.workspace === 'volume' ? request.name : undefined;
  const { volumes, mounts } = volumesFor(spec.limits, claim, spec.env.CORRAL_DESKTOP === 'on');
  const { services = [] } = spec;
  const { imagePullPolicy, requestShare } = settings;
  const ofServices = { seccompProfile: seccompOf(settings), imagePullPolicy, requestShare };
  return {
    restartPolicy: 'Never',
    activeDeadlineSeconds: Math.max(1, Math.ceil((spec.expiresAt - request.now) / 1_000)),
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
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
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
      ...settings.tolerations.map(({ key, value, effect }) => ({
        key,
        operator: value === undefined ? 'Exists' : 'Equal',
        ...(value !== undefined && { value }),
        ...(effect !== undefined && { effect }),
      })),
    ],
    volumes: [...volumes, ...serviceVolumes(services)],
    containers: [
      {
        name: sandboxContainer,
        image: spec.image,
        imagePullPolicy: settings.imagePullPolicy,
        workingDir: '/workspace',
        env: environment({ spec, ...request }),
        ports: [{ name: 'sandboxd', containerPort: request.port, protocol: 'TCP' }],
        resources: resourcesFor(spec.limits, settings.requestShare),
        securityContext: containerWalls(seccompOf(settings)),
        volumeMounts: mounts,
      },
      ...serviceContainers(services, ofServices),
    ],
  };
}

const seccompOf = ({ seccompProfile }: PodSettings): V1SeccompProfile =>
  seccompProfile === undefined ? { type: 'RuntimeDefault' } : { type: 'Localhost', localhostProfile: seccompProfile };

/** The template's variables come first, so that they cannot override ours. */
function environment({ spec, port, daemonToken, wayOut, extraCa }: Omit<PodRequest, 'settings'>): V1EnvVar[] {
  const env = {
    ...spec.env,
    HOME: home,
    CORRAL_DISK_BYTES: String(spec.limits.diskBytes),
    CORRAL_SANDBOX_ID: spec.id,
    CORRAL_SANDBOXD_TOKEN: hashToken(daemonToken),
    CORRAL_SANDBOXD_LISTEN: `0.0.0.0:${port}`,
    CORRAL_WORKSPACE: '/workspace',
    CORRAL_WORKSPACE_ALIAS: workspaceAlias,
    CORRAL_RUN_DIR: '/run/corral',
    CORRAL_EXTRA_CA_PEM: extraCa ?? '',
    ...(spec.services?.length && { CORRAL_EGRESS_OWN_USER: '1' }), // services run as other users on the same loopback
    ...(wayOut
      ? {
          CORRAL_EGRESS_URL: `tcp://${wayOut.address.host}:${wayOut.address.port}`,
          CORRAL_EGRESS_TOKEN: wayOut.token.reveal(),
        }
      : { CORRAL_EGRESS_PORT: '0' }), // port 0: dialling the proxy fails immediately instead of timing out
  };
  // Doubled, because the kubelet would expand `$(NAME)`.
  return Object.entries(env).map(([name, value]) => ({ name, value: value.replaceAll('$(', () => '$$(') }));
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
  const requestedDiskBytes = Math.ceil(disk * share);
  return computeResources({ memoryBytes, cpus, diskBytes: disk, requestedDiskBytes }, share);
}
