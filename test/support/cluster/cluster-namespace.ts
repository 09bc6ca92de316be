import { afterAll, type TestContext } from 'vitest';
import { clusterEnv, hasCluster, kubectl } from './cluster.ts';

export interface ClusterNamespace {
  /**
   * Skips the test if there is no cluster. Otherwise creates the namespace once, and resolves with a server's settings.
   */
  ready(context: TestContext, image: () => Promise<string>): Promise<Record<string, string>>;
  /** The same where a cluster is known to exist. */
  settings(image: () => Promise<string>): Promise<Record<string, string>>;
  /** The names of the objects of these kinds that belong to the session. */
  names(kinds: string, sessionId: string): Promise<string[]>;
  /** The arguments of kubectl that name the namespace. */
  readonly of: readonly string[];
}

/** A namespace for the tests of one file, which ends with them. Only pods under the restricted standard start in it. */
export async function clusterNamespace(name: string): Promise<ClusterNamespace> {
  const cluster = await hasCluster();
  const namespace = `corral-test-${name}-${process.pid}`;
  let isMade = false;
  afterAll(async () => {
    if (isMade) await kubectl('delete', 'namespace', namespace, '--wait=false');
  });
  const it: ClusterNamespace = {
    async ready(context, image) {
      if (!cluster) context.skip('needs a cluster that KUBECONFIG names');
      return await it.settings(image);
    },
    async settings(image) {
      const built = await image();
      if (!isMade) await kubectl('create', 'namespace', namespace);
      isMade = true;
      await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted', '--overwrite');
      return {
        KUBECONFIG: clusterEnv().KUBECONFIG ?? '',
        CORRAL_KUBERNETES_NAMESPACE: namespace,
        CORRAL_KUBERNETES_ENGINE: 'pods',
        CORRAL_KUBERNETES_IMAGE_PULL_POLICY: 'Never',
        CORRAL_KUBERNETES_REQUEST_SHARE: '0.05',
        CORRAL_SANDBOX_IMAGE: built,
      };
    },
    of: ['--namespace', namespace],
    async names(kinds, sessionId) {
      const expected = [`--selector=corral/session=${sessionId}`, '--output=name'];
      return (await kubectl('get', kinds, ...it.of, ...expected)).split('\n').filter(Boolean);
    },
  };
  return it;
}
