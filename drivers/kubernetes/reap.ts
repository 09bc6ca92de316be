import { openKubeApi, readKubeErrorStatus } from './api/api.ts';
import { type KubeObject, openKubeCollection } from './api/collection.ts';
import { openKubeCredentials } from './api/credentials.ts';
import { type KubeRemovalOptions, removeKubeObject } from './api/objects.ts';
import { extensionPath } from './claims/platform.ts';
import { allPodsSelector, isOverdue, toObjectNamePrefix } from './labels.ts';
import type { KubernetesOptions } from './options.ts';
import { volumeClaimsPath } from './pods/pod-engine.ts';
import { podRemovalOptions, podsPath } from './pods/pod-state.ts';

type Options = Pick<KubernetesOptions, 'kubeconfig' | 'context' | 'namespace' | 'clock' | 'random'>;

const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

interface Kind {
  readonly kind: string;
  readonly path: string;
  readonly removal: KubeRemovalOptions;
}
type ObjectDeletion = (kind: Kind, labelSelector: string, meant: (object: KubeObject) => boolean) => Promise<string[]>;

/** Affects all installations in the namespace. Resolves with `pod NAME` for each deleted pod. */
export const deleteExpiredPods = (options: Options, signal: AbortSignal): Promise<readonly string[]> =>
  withCluster(options, signal, (end) =>
    end(podsOf(options), allPodsSelector, (pod) => isOverdue(pod, options.clock.now())),
  );

/** Keeps adopted Sandboxes' pods. Needs only get, list and delete rights. Returns `KIND NAME` per deleted object. */
export const deleteInstanceObjects = (
  { instance, ...options }: Options & Pick<KubernetesOptions, 'instance'>,
  signal: AbortSignal,
): Promise<readonly string[]> =>
  withCluster(options, signal, async (end) => {
    const { namespace } = options;
    const isOwn = ({ metadata }: KubeObject) =>
      !metadata?.ownerReferences || metadata.name?.startsWith(toObjectNamePrefix(instance)) === true;
    const ofClaims = ['sandboxclaim', 'sandboxwarmpool', 'sandboxtemplate'].map((kind): Kind => {
      return { kind, path: extensionPath(namespace, `${kind}s`), removal: { propagationPolicy: 'Foreground' } };
    });
    // Delete claims and pools first: while they exist, they replace deleted pods.
    const volumeClaims: Kind = { kind: 'volume claim', path: volumeClaimsPath(namespace), removal: {} };
    const kinds = [...ofClaims, podsOf(options), volumeClaims];
    const removed: string[] = [];
    for (const kind of kinds) removed.push(...(await end(kind, `corral/instance=${instance}`, isOwn)));
    return removed;
  });

const podsOf = ({ namespace }: Options): Kind => ({
  kind: 'pod',
  path: podsPath(namespace),
  removal: podRemovalOptions,
});

async function withCluster(options: Options, signal: AbortSignal, work: (end: ObjectDeletion) => Promise<string[]>) {
  using credentials = openKubeCredentials(options);
  const api = openKubeApi({ ...options, credentials, maxInFlight: 10 });
  return await work(async ({ kind, path, removal }, labelSelector, meant) => {
    const objects = openKubeCollection(api, path, `${kind}s`);
    const { items } = await objects
      .list({ selector: { labelSelector }, accept: metadataList }, signal)
      .catch((error) => {
        if (readKubeErrorStatus(error) === 404) return { items: [] };
        throw error;
      });
    const remove = (it: KubeObject) =>
      // the controller finishes this deletion, so it is not awaited
      removal.propagationPolicy
        ? objects.remove(it, removal, signal)
        : removeKubeObject(it, { objects, options: removal, clock: options.clock, watch: undefined }, signal);
    await Promise.all(items.filter(meant).map(remove));
    return items.filter(meant).map(({ metadata }) => `${kind} ${metadata?.name}`);
  });
}
