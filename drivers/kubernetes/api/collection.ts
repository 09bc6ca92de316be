import type { V1ObjectMeta } from '@kubernetes/client-node';
import { type KubeApi, type KubeApiRequest, readKubeErrorStatus } from './api.ts';

export interface KubeObject {
  readonly metadata?: V1ObjectMeta;
}
export const uidOf = ({ metadata }: KubeObject): string => metadata?.uid ?? '';

interface Page<T> {
  /** May be null instead of an empty list if only metadata is requested. */
  readonly items: readonly T[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}
export interface KubeSelector {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}
interface ListQuery<T> extends Pick<KubeApiRequest, 'accept' | 'tries'> {
  readonly selector: KubeSelector;
  readonly keep?: (object: T) => T;
}

/** A pod is about 12 KiB of JSON, and responses are limited to 64 MiB. */
const pageSize = '500';
const patienceMs = 5_000;

export function openKubeCollection<T extends KubeObject>(api: KubeApi, path: string, what: string) {
  const at = (name: string) => `${path}/${name}`;
  return {
    get: (name: string, signal: AbortSignal) =>
      api.askFor<T>({ method: 'GET', path: at(name), what: `get ${what}` }, signal),
    /** Undefined if the name is taken. Continues for `patienceMs` after an abort, so callers can remove the object. */
    async create(body: unknown, signal: AbortSignal): Promise<T | undefined> {
      const request = { method: 'POST', path, body, what: `create ${what}` } as const;
      const stop = new AbortController();
      const giveUp = () => setTimeout(() => stop.abort(signal.reason), patienceMs).unref();
      signal.addEventListener('abort', giveUp, { once: true });
      try {
        return await api.ask<T>(request, signal.aborted ? signal : stop.signal);
      } catch (error) {
        if (readKubeErrorStatus(error) === 409) return undefined;
        throw error;
      } finally {
        signal.removeEventListener('abort', giveUp);
      }
    },
    patch: (name: string, body: unknown, signal: AbortSignal) =>
      api.askFor<T>({ method: 'PATCH', path: at(name), body, what: `patch ${what}` }, signal),
    /** Requests the deletion of exactly this object. Does nothing if it is gone. */
    async remove({ metadata }: KubeObject, options: object, signal: AbortSignal): Promise<void> {
      const { name = '', uid } = metadata ?? {};
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options, preconditions: { uid } };
      try {
        await api.askFor({ method: 'DELETE', path: at(name), body, what: `delete ${what}` }, signal);
      } catch (error) {
        if (readKubeErrorStatus(error) !== 409) throw error;
      }
    },
    /** Reads all objects in pages, from one consistent version of the cluster's data. */
    async list({ selector, keep = (object) => object, ...how }: ListQuery<T>, signal: AbortSignal) {
      const items: T[] = [];
      for (let next: string | undefined; ; ) {
        const query = new URLSearchParams({ ...selector, limit: pageSize, ...(next && { continue: next }) });
        const request = { ...how, method: 'GET', path: `${path}?${query}`, what: `list ${what}` } as const;
        const page = await api.ask<Page<T>>(request, signal);
        for (const object of page.items ?? []) items.push(keep(object));
        next = page.metadata?.continue;
        if (!next) return { items, version: page.metadata?.resourceVersion ?? '' };
      }
    },
  };
}
export type KubeCollection<T extends KubeObject> = ReturnType<typeof openKubeCollection<T>>;
