import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type KubernetesDriver, kubernetesDriver } from '../../drivers/kubernetes/kubernetes.ts';
import { systemClock } from '../../src/core/clock.ts';
import { forEachConcurrent } from '../../src/core/for-each-concurrent.ts';
import { randomIds, type SandboxId, sandboxIdOf } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import { Reconciler } from '../../src/session/engine/reconciler.ts';
import { newSession } from '../../src/session/run/log/projection.ts';
import { memoryStore } from '../../src/store/memory/store.ts';
import type { Program } from './child-process.ts';
import { monotonicMs } from './generator.ts';
import { type Footprint, footprint } from './memory.ts';

// The other installations of the cluster: for each the driver and the reconciler of the server, with the sandboxes of
// sessions that do nothing. Their daemons are one program that says yes.

interface Argument {
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
  readonly installations: number;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly toleration: { readonly key: string; readonly value: string; readonly effect: string };
}
interface Installation {
  readonly driver: KubernetesDriver;
  readonly reconciler: Reconciler;
  add(): Promise<void>;
}
export interface Neighbours extends Footprint {
  readonly sandboxes: number;
}
const mebibyte = 2 ** 20;
const sweepEveryMs = 10_000; // as in src/main/start/engine.ts
const atOnce = 20;

export async function open({ installations, ...place }: Argument): Promise<Program> {
  await using stack = new AsyncDisposableStack();
  const daemon = createServer((_request, response) => void response.end(JSON.stringify({ stdout: 'closed' })));
  daemon.keepAliveTimeout = 1_000;
  await once(daemon.listen(0, '127.0.0.1'), 'listening');
  stack.defer(() => void daemon.close());
  const { port } = daemon.address() as AddressInfo;
  const all: Installation[] = [];
  for (let n = 0; n < installations; n++)
    all.push(await installation(`n${process.pid}-${n}`, { ...place, port }, stack));
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  for (const { reconciler } of all) void reconciler.run(stop.signal);
  let sandboxes = 0;
  const held = stack.move();
  return {
    methods: {
      /** Starts sandboxes until there are so many in all. Resolves with how long that took, in ms. */
      async grow(to: number) {
        const from = monotonicMs();
        const missing = Array.from({ length: to - sandboxes }, (_, n) => all[n % all.length] as Installation);
        await forEachConcurrent(missing, atOnce, (it) => it.add());
        sandboxes = to;
        return monotonicMs() - from;
      },
      /** How long the first installation's reconciler takes to look at all of its sandboxes, in ms. */
      async sweep(times: number) {
        const took: number[] = [];
        for (let n = 0; n < times; n++) {
          const from = monotonicMs();
          await all[0]?.reconciler.sweep(AbortSignal.timeout(30_000));
          took.push(monotonicMs() - from);
        }
        return took;
      },
      footprint: async (restMs: number): Promise<Neighbours> => ({ ...(await footprint(restMs)), sandboxes }),
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

type Place = Omit<Argument, 'installations'> & { readonly port: number };

async function installation(instance: string, place: Place, stack: AsyncDisposableStack): Promise<Installation> {
  const { kubeconfig, namespace, nodeSelector, toleration, port } = place;
  const ids = randomIds();
  const driver = stack.use(
    await kubernetesDriver({
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...{ namespace, instance, ids, clock: systemClock, random: Math.random, keys: [new Secret(ids.token())] },
      ...{ reach: 'pod-ip', port, networkPolicies: 'given', pendingMs: 120_000, maxInFlight: 10 },
      pods: {
        ...{ workspace: 'ephemeral', nodeSelector, tolerations: [toleration], imagePullSecrets: [] },
        ...{ imagePullPolicy: 'Never', requestShare: 0.02, userNamespaces: false, nodeLossSeconds: 300 },
      },
    }),
  );
  const store = memoryStore();
  const sessions = { wake() {}, hasSandbox: () => true, offer() {}, get: () => undefined };
  const logger = { info() {}, warn() {}, error() {} };
  const reconciler = new Reconciler({
    ...{ driver, store, supervisor: sessions, liveSessions: sessions, clock: systemClock, logger },
    ...{ graceMs: 15_000, everyMs: sweepEveryMs, remove: async () => {}, mayReap: async () => false },
  });
  const limits = { memoryBytes: 256 * mebibyte, cpus: 1, pids: 128, diskBytes: 128 * mebibyte };
  return {
    driver,
    reconciler,
    async add() {
      const sessionId = ids.sessionId();
      const id: SandboxId = sandboxIdOf(sessionId);
      const about = { origin: 'trpc', title: 't', template: 'base', projectId: null, lastTask: '', at: 0 } as const;
      await store.records.put({ kind: 'session', id: sessionId, doc: newSession({ id: sessionId, ...about }) });
      const expiresAt = Date.now() + 24 * 3_600_000;
      const spec = {
        id,
        sessionId,
        epoch: 1,
        template: 'base',
        image: 'simulated',
        egress: { kind: 'none' },
        env: {},
      } as const;
      const deadlineAt = Date.now() + 300_000;
      await driver.provision({ ...spec, limits, expiresAt }, { signal: AbortSignal.timeout(300_000), deadlineAt });
    },
  };
}
