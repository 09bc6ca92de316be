import type { V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec } from '@kubernetes/client-node';
import { poll } from '../../../src/core/concurrency/rounds.ts';
import type { SandboxSpec } from '../../driver.ts';
import { openCollection } from '../api/collection.ts';
import { instanceOf, metaFor, ownedBy } from '../labels.ts';
import { type Cluster, removeObject, watchObjects } from './pod-watch.ts';

type Claim = V1PersistentVolumeClaim;
interface Options extends Cluster {
  readonly storageClass: string | undefined;
}

/** A workspace's volume. */
export const volumeSpec = (diskBytes: number, storageClass: string | undefined): V1PersistentVolumeClaimSpec => ({
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: String(diskBytes) } },
  ...(storageClass !== undefined && { storageClassName: storageClass }),
});

export const volumeClaimsPath = (namespace: string) => `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;

export function openVolumeClaims({ namespace, instance, storageClass, ...watching }: Options) {
  const objects = openCollection<Claim>(watching.api, volumeClaimsPath(namespace), 'volume claims');
  const keep = ({ metadata: { managedFields: _, ...metadata } = {} }: Claim): Claim => ({ metadata });
  const watch = watchObjects({ ...watching, objects, keep, selector: { labelSelector: ownedBy(instance) } });
  return {
    get: objects.get,
    list: watch.list,
    /** Creates the sandbox's volume claim if it does not exist. `kept`: it existed. */
    async ensure(name: string, spec: SandboxSpec, signal: AbortSignal): Promise<'kept' | 'made'> {
      const head = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
      const metadata = { name, namespace, ...metaFor(spec, instance) };
      const body = { ...head, metadata, spec: volumeSpec(spec.limits.diskBytes, storageClass) };
      const look = async () => {
        const made = await objects.create(body, signal);
        if (made) watch.seen(made);
        if (made) return 'made';
        const found = await objects.get(name, signal);
        return found && !found.metadata?.deletionTimestamp ? 'kept' : undefined; // else it is being deleted
      };
      return await poll(look, { everyMs: 100 }, signal);
    },
    /** Resolves once the claim is gone. Does nothing if another installation owns it. */
    async remove(name: string, signal: AbortSignal): Promise<void> {
      const found = await objects.get(name, signal);
      if (!found || instanceOf(found.metadata) !== instance) return;
      await removeObject(found, { objects, options: {}, watch, clock: watching.clock }, signal);
    },
    [Symbol.asyncDispose]: watch[Symbol.asyncDispose],
  };
}
export type VolumeClaims = ReturnType<typeof openVolumeClaims>;
