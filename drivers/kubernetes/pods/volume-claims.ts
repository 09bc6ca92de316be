import type { V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec } from '@kubernetes/client-node';
import { pause } from '../../../src/core/concurrency/cancel.ts';
import type { SandboxSpec } from '../../driver.ts';
import type { KubeApi } from '../api/api.ts';
import { type Collection, openCollection } from '../api/collection.ts';
import { finishOnceSent } from '../api/finish-once-sent.ts';
import { instanceOf, metaFor } from '../labels.ts';

export interface VolumeClaims extends Pick<Collection<V1PersistentVolumeClaim>, 'get' | 'list'> {
  /** Creates the sandbox's volume claim if it does not exist. `kept`: it existed. */
  ensure(name: string, spec: SandboxSpec, signal: AbortSignal): Promise<'kept' | 'made'>;
  /** Resolves once the claim is gone. Does nothing if another installation owns it. */
  remove(name: string, signal: AbortSignal): Promise<void>;
}

/** A workspace's volume. */
export const volumeSpec = (diskBytes: number, storageClass: string | undefined): V1PersistentVolumeClaimSpec => ({
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: String(diskBytes) } },
  ...(storageClass !== undefined && { storageClassName: storageClass }),
});

export function openVolumeClaims(api: KubeApi, namespace: string, instance: string, storageClass?: string) {
  const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  const claims = openCollection<V1PersistentVolumeClaim>(api, path, 'volume claims');

  const opened: VolumeClaims = {
    ...claims,
    async ensure(name, spec, signal) {
      const body: V1PersistentVolumeClaim = {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace, ...metaFor(spec, instance) },
        spec: volumeSpec(spec.limits.diskBytes, storageClass),
      };
      for (;;) {
        if (await finishOnceSent((begun) => claims.create(body, begun), signal)) return 'made';
        const found = await claims.get(name, signal);
        if (found && !found.metadata?.deletionTimestamp) return 'kept';
        await pause(100, signal); // the claim is being deleted
      }
    },
    async remove(name, signal) {
      const found = await claims.get(name, signal);
      if (!found || instanceOf(found.metadata) !== instance) return;
      await claims.remove(found, {}, signal);
      for (let ms = 50; ; ms = Math.min(ms * 1.5, 1_000)) {
        const left = await claims.get(name, signal);
        if (!left || left.metadata?.uid !== found.metadata?.uid) return;
        await pause(ms, signal);
      }
    },
  };
  return opened;
}
