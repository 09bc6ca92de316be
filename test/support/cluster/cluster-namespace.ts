import { afterAll, type TestContext } from 'vitest';
import { clusterEnv, hasCluster, kubectl } from './cluster.ts';

export type ClusterNamespace = Awaited<ReturnType<typeof clusterNamespace>>;

/** A namespace for the tests of one file, which ends with them. Only pods under the restricted standard start in it. */
export async function clusterNamespace(name: string) {
  const cluster = await hasCluster();
  const namespace = `corral-test-${name}-${process.pid}`;
  const of = ['--namespace', namespace];
  let isMade = false;
  afterAll(async () => {
    if (isMade) await kubectl('delete', 'namespace', namespace, '--wait=false');
  });
  /** Creates the namespace once, where a cluster is known to exist, and resolves with a server's settings. */
  const settings = async (image: () => Promise<string>): Promise<Record<string, string>> => {
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
  };
  return {
    settings,
    /** The same, but skips the test if there is no cluster. */
    async ready(context: TestContext, image: () => Promise<string>) {
      if (!cluster) context.skip('needs a cluster that KUBECONFIG names');
      return await settings(image);
    },
    /** The arguments of kubectl that name the namespace. */
    of,
    /** The names of the objects of these kinds that belong to the session. */
    async names(kinds: string, sessionId: string) {
      const expected = [`--selector=corral/session=${sessionId}`, '--output=name'];
      return (await kubectl('get', kinds, ...of, ...expected)).split('\n').filter(Boolean);
    },
  };
}
