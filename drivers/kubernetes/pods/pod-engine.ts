import type { V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec, V1Pod } from '@kubernetes/client-node';
import { poll } from '../../../src/core/concurrency/rounds.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import type { SandboxInfo, SandboxSpec } from '../../driver.ts';
import { openKubeObjects } from '../api/objects.ts';
import type { SandboxEngine, SandboxEngineOptions } from '../engine.ts';
import {
  assertBelongsToSession,
  createObjectMetadata,
  createSandboxSelector,
  isOwnPod,
  parseSandboxInfo,
  readInstanceLabel,
  toSandboxInfos,
} from '../labels.ts';
import { computePodState } from './pod-state.ts';
import type { SandboxTokenDeriver } from './sandbox-tokens.ts';

interface Options extends SandboxEngineOptions {
  readonly keys: SandboxTokenDeriver;
  readonly keepsFiles: boolean;
  readonly storageClass: string | undefined;
  bodyFor(spec: SandboxSpec): V1Pod;
}

export const createVolumeClaimSpec = (
  diskBytes: number,
  storageClass: string | undefined,
): V1PersistentVolumeClaimSpec => ({
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: String(diskBytes) } },
  ...(storageClass !== undefined && { storageClassName: storageClass }),
});

export const volumeClaimsPath = (namespace: string) => `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;

export function createPodEngine({ keys, keepsFiles, storageClass, bodyFor, ...options }: Options) {
  const { namespace, instance, pods, nameOf } = options;
  const kind = { path: volumeClaimsPath(namespace), what: 'volume claims' };
  const volumes = keepsFiles
    ? openKubeObjects<V1PersistentVolumeClaim>(options, {
        ...kind,
        selector: { labelSelector: createSandboxSelector(instance) },
      })
    : undefined;

  async function createVolume(spec: SandboxSpec, signal: AbortSignal): Promise<boolean> {
    if (!volumes) return false;
    const name = nameOf(spec.id);
    const head = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
    const metadata = { name, namespace, ...createObjectMetadata(spec, instance) };
    const body = { ...head, metadata, spec: createVolumeClaimSpec(spec.limits.diskBytes, storageClass) };
    const look = async () => {
      if (await volumes.create(body, signal)) return true;
      const found = await volumes.get(name, signal);
      return found && !found.metadata?.deletionTimestamp ? false : undefined;
    };
    return await poll(look, { everyMs: 100 }, signal);
  }

  async function find(id: SandboxId, signal: AbortSignal): Promise<V1Pod | undefined> {
    const found = await pods.get(nameOf(id), signal);
    return isOwnPod(found, instance) && parseSandboxInfo(found.metadata, 'ready') ? found : undefined;
  }

  async function clear(id: SandboxId, workspace: 'keep' | 'remove', signal: AbortSignal): Promise<void> {
    const pod = await find(id, signal);
    if (pod) await pods.remove(pod, signal);
    const volume = workspace === 'remove' ? await volumes?.get(nameOf(id), signal) : undefined;
    if (volume && readInstanceLabel(volume.metadata) === instance) await volumes?.remove(volume, signal);
  }

  async function startPod(body: V1Pod, spec: SandboxSpec, signal: AbortSignal): Promise<V1Pod> {
    const look = async () => {
      const created = await pods.create(body, signal);
      if (created) return created;
      const found = await pods.get(nameOf(spec.id), signal);
      if (!found) return undefined;
      assertBelongsToSession('pod', found, spec, instance);
      const known = keys.daemonToken(spec.id, found.metadata?.annotations?.['corral/key']) !== undefined;
      if (known && computePodState(found).kind !== 'over') return found;
      return void (await pods.remove(found, signal));
    };
    return await poll(look, { everyMs: 25 }, signal);
  }

  const engine: SandboxEngine = {
    begin(spec) {
      const { id } = spec;
      const body = bodyFor(spec);
      let hasNewVolume = false;
      return {
        async place(news, signal) {
          hasNewVolume = await createVolume(spec, signal);
          news({ phase: 'starting', detail: `Starting a pod of ${spec.image}` });
          return await startPod(body, spec, signal);
        },
        identity: () => undefined,
        finish: async (pod) => pod,
        async undo(signal) {
          const found = await pods.get(nameOf(id), signal);
          const attempt = body.metadata?.annotations?.['corral/attempt'];
          if (found && found.metadata?.annotations?.['corral/attempt'] !== attempt) return;
          await clear(id, hasNewVolume ? 'remove' : 'keep', signal);
        },
      };
    },
    find,
    async list(live, signal) {
      const infos = live.flatMap((pod) => toSandboxInfos(parseSandboxInfo(pod.metadata, computePhase(pod)), pod));
      const kept = (await volumes?.list(signal)) ?? [];
      const taken = new Set(infos.map(({ id }) => id));
      const stopped = kept.flatMap(({ metadata }) => parseSandboxInfo(metadata, 'stopped') ?? []);
      return [...infos, ...stopped.filter(({ id }) => !taken.has(id))];
    },
    clear,
    [Symbol.asyncDispose]: async () => await volumes?.[Symbol.asyncDispose](),
  };
  const holds = async (id: SandboxId, signal: AbortSignal) =>
    (await (volumes ? volumes.get(nameOf(id), signal) : find(id, signal))) !== undefined;
  return { ...engine, holds };
}

function computePhase(pod: V1Pod): SandboxInfo['phase'] {
  const { kind } = computePodState(pod);
  if (kind === 'over') return 'exited';
  return kind === 'running' ? 'ready' : 'starting';
}
