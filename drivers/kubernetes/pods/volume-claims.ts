import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { pause } from '../../../src/core/concurrency/cancel.ts';
import type { SandboxSpec } from '../../driver.ts';
import type { KubeApi } from '../api/api.ts';
import { finishOnceSent } from '../api/finish-once-sent.ts';
import { statusOf } from '../api/status.ts';
import { instanceOf, metaFor } from '../labels.ts';

export interface Claims {
  /** Creates the sandbox's volume claim if it does not exist. `kept`: it existed. */
  ensure(name: string, spec: SandboxSpec, signal: AbortSignal): Promise<'kept' | 'made'>;
  /** Resolves once the claim is gone. Does nothing if another installation owns it. */
  remove(name: string, signal: AbortSignal): Promise<void>;
  list(selector: string, signal: AbortSignal): Promise<V1PersistentVolumeClaim[]>;
}

export function openClaims(
  api: KubeApi,
  namespace: string,
  instance: string,
  storageClass: string | undefined,
): Claims {
  const folder = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  const get = (name: string, signal: AbortSignal) =>
    api.askFor<V1PersistentVolumeClaim>(
      { method: 'GET', path: `${folder}/${name}`, what: 'get volume claims' },
      signal,
    );

  const claims: Claims = {
    async ensure(name, spec, signal) {
      const body: V1PersistentVolumeClaim = {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace, ...metaFor(spec, instance) },
        spec: {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: String(spec.limits.diskBytes) } },
          ...(storageClass !== undefined && { storageClassName: storageClass }),
        },
      };
      for (;;) {
        try {
          const request = { method: 'POST', path: folder, body, what: 'create volume claims' } as const;
          await finishOnceSent((begun) => api.ask(request, begun), signal);
          return 'made';
        } catch (error) {
          if (statusOf(error) !== 409) throw error;
        }
        const found = await get(name, signal);
        if (found && !found.metadata?.deletionTimestamp) return 'kept';
        await pause(100, signal); // the claim is being deleted
      }
    },
    async remove(name, signal) {
      const found = await get(name, signal);
      if (!found || instanceOf(found.metadata) !== instance) return;
      await api.askFor({ method: 'DELETE', path: `${folder}/${name}`, what: 'delete volume claims' }, signal);
      for (let ms = 50; ; ms = Math.min(ms * 1.5, 1_000)) {
        const left = await get(name, signal);
        if (!left || left.metadata?.uid !== found.metadata?.uid) return;
        await pause(ms, signal);
      }
    },
    async list(selector, signal) {
      const path = `${folder}?labelSelector=${encodeURIComponent(selector)}`;
      const { items } = await api.ask<{ items: V1PersistentVolumeClaim[] }>(
        { method: 'GET', path, what: 'list volume claims' },
        signal,
      );
      return items;
    },
  };
  return claims;
}
