import type { V1Pod } from '@kubernetes/client-node';
import type { SandboxSpec, WarmSandbox } from '../../../drivers/driver.ts';
import type { ApiRequest, KubeApi } from '../../../drivers/kubernetes/api/api.ts';
import { refusedError } from '../../../drivers/kubernetes/api/status.ts';
import { metaFor, warmMeta } from '../../../drivers/kubernetes/labels.ts';
import { openPods } from '../../../drivers/kubernetes/pods/pods.ts';
import { podPool } from '../../../drivers/kubernetes/pods/warm.ts';
import { type SandboxId, type SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { runningStatus } from '../cluster/kube-stub.ts';
import type { World } from './world.ts';

const never = new AbortController().signal;
const call = { signal: never };
const instance = 'test';

/**
 * The API of a cluster in virtual time: each answer takes a while. A list that asks for `NotOlderThan` can come from a cache,
 * so it can be any state from that version on.
 */
export function simulatedCluster({ time, dice, ids }: Pick<World, 'time' | 'dice' | 'ids'>) {
  let version = 1;
  let pods = new Map<string, V1Pod>();
  const history: { version: number; pods: ReadonlyMap<string, V1Pod> }[] = [{ version, pods }];
  const owners = new Map<string, Set<string>>();

  function write(name: string, pod: V1Pod | undefined): void {
    version += 1;
    pods = new Map(pods);
    if (pod) pods.set(name, { ...pod, metadata: { ...pod.metadata, resourceVersion: String(version) } });
    else pods.delete(name);
    history.push({ version, pods });
    const session = pod?.metadata?.labels?.['corral/session'];
    if (session) owners.set(name, (owners.get(name) ?? new Set()).add(session));
  }

  function list(query: URLSearchParams): V1Pod[] {
    const since = query.get('resourceVersion');
    const states = since === null ? [] : history.filter((it) => it.version >= Number(since));
    const { pods: shown } = dice.pick(states) ?? { pods };
    const expected = (query.get('labelSelector') ?? '').split(',');
    const fits = (labels: Readonly<Record<string, string>>) =>
      expected.every((it) => {
        const [, key = '', sign, value] = /^([^!=]+)(!?=)?(.*)$/.exec(it) ?? [];
        if (sign === '!=') return labels[key] !== value;
        return sign === undefined ? key in labels : labels[key] === value;
      });
    return [...shown.values()].filter(({ metadata }) => fits(metadata?.labels ?? {}));
  }

  function act({ method, path, body, what }: ApiRequest): unknown {
    const { pathname, searchParams } = new URL(path, 'http://cluster');
    const name = pathname.split('/pods/')[1];
    if (name === undefined) return { items: list(searchParams) };
    const found = pods.get(name);
    if (!found) return undefined;
    const { metadata: more, preconditions } = (body ?? {}) as {
      metadata?: V1Pod['metadata'];
      preconditions?: Partial<Record<'uid' | 'resourceVersion', string>>;
    };
    const isChanged = (expected: string | undefined) =>
      expected !== undefined && expected !== found.metadata?.resourceVersion;
    if (isChanged(more?.resourceVersion) || isChanged(preconditions?.resourceVersion))
      throw refusedError(what, {
        status: 409,
        message: 'it has been modified',
        reason: 'Conflict',
        retryAfterMs: undefined,
      });
    if (method === 'DELETE') write(name, undefined);
    if (method === 'PATCH') {
      const labels = Object.entries({ ...found.metadata?.labels, ...more?.labels }).filter(
        ([, value]) => value !== null,
      );
      const annotations = { ...found.metadata?.annotations, ...more?.annotations };
      write(name, { ...found, metadata: { ...found.metadata, labels: Object.fromEntries(labels), annotations } });
    }
    return structuredClone(method === 'DELETE' ? found : pods.get(name));
  }

  /** Part of the wait is before the API acts, part of it after. */
  async function ask(request: ApiRequest): Promise<unknown> {
    await time.sleep(dice.between(0, 30));
    const answer = act(request);
    await time.sleep(dice.between(0, 30));
    return answer;
  }
  const api = { ask, askFor: ask } as unknown as KubeApi;

  const spec = (sessionId: SessionId = ids.sessionId()): SandboxSpec => ({
    id: sandboxIdOf(sessionId),
    sessionId,
    epoch: 1,
    template: 'base',
    image: 'image',
    env: {},
    limits: { memoryBytes: 0, cpus: 0, pids: 0, diskBytes: 0 },
    egress: { kind: 'none' },
    expiresAt: time.now() + 600_000,
  });
  const name = (id: SandboxId) => `pod-${id}`;

  return {
    spec: () => spec(),
    /** Adds started pods that no session has yet. */
    async warm(count: number): Promise<SandboxId[]> {
      return Array.from({ length: count }, () => {
        const own = spec();
        const { labels, annotations } = metaFor(own, instance);
        const uid = ids.short();
        const metadata = { name: name(own.id), uid, labels: warmMeta(own, 'recipe', labels), annotations };
        write(name(own.id), { metadata, status: runningStatus() });
        return own.id;
      });
    },
    /** A server with its own view of the pods. */
    server() {
      const nothing = { [Symbol.dispose]() {}, [Symbol.asyncDispose]: async () => {} };
      const watch = { ...nothing, follow: () => nothing, list: async () => [] };
      const start = async () => {
        throw new Error('no pod is started here');
      };
      const open = openPods({ api, namespace: 'simulated', clock: time });
      const pool = podPool({ pods: open, watch, instance, clock: time, ids, name, start, forget: () => {} });
      return {
        look: (): Promise<readonly WarmSandbox[]> => pool.ability.unclaimed(call),
        claim: (id: SandboxId, sandboxSpec: SandboxSpec) => pool.ability.claim(id, sandboxSpec, call),
        end: () => pool[Symbol.dispose](),
      };
    },
    /** Lets time pass until the work is done. */
    async within<Value>(work: () => Promise<Value>): Promise<Value> {
      let isDone = false;
      const doing = work().finally(() => {
        isDone = true;
      });
      doing.catch(() => {});
      if (!(await time.until(() => isDone, 120_000))) throw new Error('the cluster came to no end');
      return await doing;
    },
    claimedBy: (id: SandboxId): string[] =>
      [...pods].filter(([, pod]) => pod.metadata?.labels?.['corral/sandbox'] === id).map(([pod]) => pod),
    /** The pods that belonged to more than one session. */
    twiceClaimed: (): string[] => [...owners].filter(([, sessions]) => sessions.size > 1).map(([pod]) => pod),
  };
}
