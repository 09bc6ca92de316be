import { createHash } from 'node:crypto';
import type { V1ObjectMeta, V1PodSpec } from '@kubernetes/client-node';
import type { SandboxRecipe } from '../../driver.ts';
import { openKubeCollection } from '../api/collection.ts';
import type { KubeObjectOptions } from '../api/objects.ts';
import { createInstanceLabels, createPodSelector, toObjectNamePrefix } from '../labels.ts';
import { extensionApiGroup, extensionPath } from './platform.ts';

export interface SandboxBlueprint {
  readonly podTemplate: { readonly metadata: V1ObjectMeta; readonly spec: V1PodSpec };
  readonly volumeClaimTemplates?: readonly object[];
}
interface Pool {
  readonly metadata?: V1ObjectMeta;
  readonly spec: { readonly replicas: number };
}
type Options = KubeObjectOptions & { blueprintFor(recipe: SandboxRecipe): SandboxBlueprint };

/** Time between sweeps, and minimum age of a swept pool. A start could be about to use a younger pool. */
const sweepAfterMs = 600_000;
const epochNote = 'corral/epoch';

/** Template names contain a hash of the content, so changed settings create a new pool. */
export function openSandboxTemplates({ api, namespace, instance, clock, blueprintFor }: Options) {
  const templates = openKubeCollection(api, extensionPath(namespace, 'sandboxtemplates'), 'sandbox templates');
  const pools = openKubeCollection<Pool>(api, extensionPath(namespace, 'sandboxwarmpools'), 'sandbox warm pools');
  const prefix = toObjectNamePrefix(instance);
  const known = new Set<string>();
  let own = { name: '', count: 0 };
  let sweptAt = Number.NEGATIVE_INFINITY;

  async function ensure(recipe: SandboxRecipe, signal: AbortSignal): Promise<string> {
    const spec = { ...blueprintFor(recipe), networkPolicyManagement: 'Unmanaged' };
    const hash = createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 12);
    const name = `${prefix}${hash}`;
    if (known.has(name)) return name;
    const head = {
      apiVersion: `${extensionApiGroup}/v1beta1`,
      metadata: { name, namespace, labels: createInstanceLabels(instance) },
    };
    await templates.create({ ...head, kind: 'SandboxTemplate', spec }, signal);
    const pool = { replicas: own.name === name ? own.count : 0, sandboxTemplateRef: { name } };
    await pools.create({ ...head, kind: 'SandboxWarmPool', spec: pool }, signal);
    known.add(name);
    return name;
  }

  const all = async (signal: AbortSignal) =>
    (await pools.list({ selector: { labelSelector: createPodSelector(instance) } }, signal)).items;
  const epochOf = ({ metadata }: Pool) => Number(metadata?.annotations?.[epochNote] ?? 0);

  return {
    prefix,
    ensure,
    forget: (name: string) => void known.delete(name),
    sizeOf: (name: string) => (own.name === name ? own.count : 0),
    async keepReady(recipe: SandboxRecipe, { count, epoch }: { count: number; epoch: number }, signal: AbortSignal) {
      const name = await ensure(recipe, signal);
      own = { name, count };
      for (const pool of await all(signal)) {
        const isOwn = pool.metadata?.name === name;
        const replicas = isOwn ? count : 0;
        if (pool.spec.replicas === replicas || (!isOwn && epochOf(pool) > epoch)) continue;
        const metadata = { annotations: { [epochNote]: String(epoch) } };
        await pools.patch(pool.metadata?.name ?? '', { metadata, spec: { replicas } }, signal);
      }
    },
    async sweep(inUse: ReadonlySet<string>, signal: AbortSignal) {
      if (clock.now() - sweptAt < sweepAfterMs) return;
      sweptAt = clock.now();
      for (const pool of await all(signal)) {
        const { name = '', creationTimestamp } = pool.metadata ?? {};
        const age = clock.now() - new Date(creationTimestamp ?? clock.now()).getTime();
        if (inUse.has(name) || pool.spec.replicas > 0 || age < sweepAfterMs) continue;
        known.delete(name);
        await pools.remove(pool, {}, signal);
        await templates.remove({ metadata: { name } }, {}, signal);
      }
    },
  };
}
export type SandboxTemplates = ReturnType<typeof openSandboxTemplates>;
