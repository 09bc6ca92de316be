import { isPoolable, type SandboxRecipe } from '../../drivers/driver.ts';
import { kubernetesDriver } from '../../drivers/kubernetes/kubernetes.ts';
import { recipeName } from '../../drivers/shared/recipe.ts';
import { systemClock } from '../../src/core/clock.ts';
import { randomIds, type SandboxId, sandboxIdOf, sessionIdOf } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Cluster } from './cluster.ts';

const mebibyte = 2 ** 20;
const instance = `bench-${process.pid}`;

export interface WarmPods extends AsyncDisposable {
  readonly names: readonly string[];
  /** Claims the pod for a new session; resolves with whether the claim succeeded. */
  claim(index: number): Promise<boolean>;
  /** Releases the pods and tells the driver, so that a few pods serve many claims. */
  giveBack(): Promise<void>;
}

/** A driver as in the server, with pods that it has started in advance. */
export async function openWarmPods(cluster: Cluster, count: number): Promise<WarmPods> {
  await using stack = new AsyncDisposableStack();
  const ids = randomIds();
  const driver = stack.use(
    await kubernetesDriver({
      ...{ namespace: cluster.namespace, instance, ids, clock: systemClock, random: Math.random },
      ...{ keys: [new Secret(ids.token())], reach: 'port-forward', port: 2718, networkPolicies: 'managed' },
      ...{ pendingMs: 60_000, maxInFlight: 10 },
      pods: {
        ...{
          workspace: 'ephemeral',
          nodeSelector: {},
          tolerations: [],
          imagePullSecrets: [],
          imagePullPolicy: 'Never',
        },
        ...{ requestShare: 0.02, userNamespaces: false, nodeLossSeconds: 30 },
      },
    }),
  );
  if (!isPoolable(driver)) throw new Error('the driver has no pool');
  const recipe: SandboxRecipe = {
    ...{ template: 'base', image: cluster.image, egress: { kind: 'none' }, env: {} },
    limits: { memoryBytes: 256 * mebibyte, cpus: 1, pids: 128, diskBytes: 128 * mebibyte },
  };
  const name = recipeName(recipe);
  const call = () => ({ signal: AbortSignal.timeout(60_000), deadlineAt: Date.now() + 60_000 });
  let expiresAt = Date.now() + 3_600_000;
  const spec = () => {
    const sessionId = ids.sessionId();
    expiresAt -= 2_000; // a claim lowers the pod's deadline each time
    return { ...recipe, id: sandboxIdOf(sessionId), sessionId, epoch: 1, expiresAt };
  };
  const warm = await Promise.all(Array.from({ length: count }, () => driver.warm(spec(), name, call())));
  const podOf = ({ id }: { id: SandboxId }) => `corral-${instance}-warm-${sessionIdOf(id)}`;
  const held = stack.move();
  return {
    names: warm.map(podOf),
    async claim(index) {
      const wanted = spec();
      const found = await driver.claim(warm[index]?.id as SandboxId, wanted, call());
      return typeof found === 'object' && found.id === wanted.id;
    },
    async giveBack() {
      const labels = { 'corral/sandbox': null, 'corral/session': null, 'corral/pool': name };
      for (const it of warm) await cluster.tell('PATCH', `${cluster.pods}/${podOf(it)}`, { metadata: { labels } });
      await driver.unclaimed(call());
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
