import type { V1Condition, V1Pod } from '@kubernetes/client-node';
import type { SandboxInfo, SandboxSpec } from '../../driver.ts';
import { type KubeObject, uidOf } from '../api/collection.ts';
import { openKubeObjects } from '../api/objects.ts';
import type { SandboxEngineOptions } from '../engine.ts';
import { createSandboxSelector, parseSandboxInfo, toSandboxInfos } from '../labels.ts';
import { egressIdentityPath } from '../pods/pod-body.ts';
import { computePodState } from '../pods/pod-state.ts';

export interface SessionObject extends KubeObject {
  readonly status?: { readonly conditions?: readonly V1Condition[]; readonly sandbox?: { readonly name?: string } };
}

/** Uid of the session's pod, or `none` if stopped. Needed because the controller replaces lost pods with empty ones. */
export const podAnnotation = 'corral/pod';
export const podAnnotationOf = ({ metadata }: KubeObject) => metadata?.annotations?.[podAnnotation];
export const readyConditionOf = ({ status }: SessionObject) => status?.conditions?.find(({ type }) => type === 'Ready');

export function openSessionObjects<T extends SessionObject>(
  options: SandboxEngineOptions,
  { podNameOf, ...kind }: { path: string; what: string; podNameOf(object: T): string | undefined },
) {
  const { instance, pods } = options;
  const objects = openKubeObjects<T>(options, {
    ...kind,
    selector: { labelSelector: createSandboxSelector(instance) },
    removal: { propagationPolicy: 'Foreground' },
  });
  async function readPod(object: T, signal: AbortSignal): Promise<V1Pod | undefined> {
    const name = podNameOf(object);
    return name === undefined ? undefined : await pods.get(name, signal);
  }
  /** The controller may still report the object as ready after its pod is gone. */
  function computePhase(object: T, pod: V1Pod | undefined): SandboxInfo['phase'] {
    const note = podAnnotationOf(object);
    if (note === 'none') return 'stopped';
    if (object.metadata?.deletionTimestamp) return 'exited';
    const kind = pod && computePodState(pod).kind;
    if (note === undefined) return kind === 'over' ? 'exited' : 'starting';
    return pod && uidOf(pod) === note && kind === 'running' ? 'ready' : 'exited';
  }
  const patch = (object: T, body: object, signal: AbortSignal) =>
    objects.patch(object.metadata?.name ?? '', body, signal);
  return {
    ...objects,
    podOf: readPod,
    patch,
    async usedPod(object: T, signal: AbortSignal): Promise<V1Pod | undefined> {
      const pod = podAnnotationOf(object) === 'none' ? undefined : await readPod(object, signal);
      return pod && uidOf(pod) === podAnnotationOf(object) ? pod : undefined;
    },
    noteStop: (object: T, signal: AbortSignal) =>
      patch(object, { metadata: { annotations: { [podAnnotation]: 'none' } } }, signal),
    async infos(live: readonly V1Pod[], signal: AbortSignal): Promise<SandboxInfo[]> {
      const byName = new Map(live.map((pod) => [pod.metadata?.name, pod]));
      return (await objects.list(signal)).flatMap((object) => {
        const pod = byName.get(podNameOf(object));
        return toSandboxInfos(parseSandboxInfo(object.metadata, computePhase(object, pod)), pod);
      });
    },
  };
}

/** Shell commands that store the forwarder's identity line and print `done`. */
export function createIdentityCommand({ egressToken }: SandboxEngineOptions, spec: SandboxSpec): string | undefined {
  const token = egressToken(spec);
  const line = `corral-egress 1 ${spec.id} ${token?.reveal()}`;
  const stored = `printf '%s\\n' '${line}' >${egressIdentityPath}.new && mv ${egressIdentityPath}.new ${egressIdentityPath} && printf done`;
  return token && `umask 077; ${stored}`;
}
