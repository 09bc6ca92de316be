import type { V1Pod } from '@kubernetes/client-node';
import { pause, raceAbort } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { type SandboxId, sessionIdOf } from '../../src/core/model/ids.ts';
import type { Capabilities, Driver, Poolable, SandboxInfo, SandboxSpec, ServiceHosting } from '../driver.ts';
import { LifecycleCalls } from '../shared/lifecycle-calls.ts';
import { openApi } from './api/api.ts';
import { openCredentials } from './api/credentials.ts';
import { portForwarder } from './api/port-forward.ts';
import { isFromPool, ownedBy, parseSandboxInfo, selectAllPods, selectSession } from './labels.ts';
import type { KubernetesOptions } from './options.ts';
import { podBody } from './pods/pod-body.ts';
import { dialAddress, openPodLinks } from './pods/pod-links.ts';
import { computePodState } from './pods/pod-state.ts';
import { watchPods } from './pods/pod-watch.ts';
import { isOurs, openPods, podsPath } from './pods/pods.ts';
import { reapPods } from './pods/reap.ts';
import { sandboxKeys } from './pods/sandbox-tokens.ts';
import { serviceStart, serviceStates } from './pods/service-containers.ts';
import { type CreatedPod, notStarted, startPod, untilRunning } from './pods/start-pod.ts';
import { openClaims } from './pods/volume-claims.ts';
import { waitForDaemon } from './pods/wait-for-daemon.ts';
import { podPool } from './pods/warm.ts';
import { ensurePolicies } from './policies/policies.ts';
import { openPolicyCheck } from './policies/policy-check.ts';
import { findWeaknesses } from './policies/weaknesses.ts';

const capabilities: Omit<Capabilities, 'egress' | 'pause'> = {
  isolation: 'container',
  limits: ['memoryBytes', 'cpus', 'diskBytes'],
  wayOutIsFixed: true, // a pod's network policy follows its label
  desktop: false, // the options can override it
  noVolumes: 'a claim that several pods mount needs storage of its own; set CORRAL_DRIVER to docker',
  noBuilds:
    'nothing in the cluster builds images for it; build them with the tools of the cluster, and name them in templates',
};
const cleanUpMs = 40_000;
const serviceLookMs = 1_000;
const reapEveryMs = 60_000;

/** Poolable only if workspaces end with their pods: a volume claim belongs to one session from the start. */
export interface KubernetesDriver extends Driver, ServiceHosting, Partial<Poolable> {
  /** The sandbox id of the session that claimed this pool sandbox. Undefined if it is unclaimed. */
  claimedBy(id: SandboxId, signal: AbortSignal): Promise<SandboxId | undefined>;
  /** Ends expired pods, of this installation or of all in the namespace. Resolves with their names. */
  reap(signal: AbortSignal, whose?: 'all'): Promise<readonly string[]>;
}

export async function kubernetesDriver(options: KubernetesOptions): Promise<KubernetesDriver> {
  const {
    kubeconfig,
    context,
    namespace,
    instance,
    ids,
    clock,
    random,
    reach,
    port,
    pods: settings,
    maxInFlight,
  } = options;
  const credentials = openCredentials({ kubeconfig, context, clock });
  const api = openApi({ credentials, clock, random, maxInFlight });
  const claims =
    settings.workspace === 'volume' ? openClaims(api, namespace, instance, settings.storageClass) : undefined;
  const keys = sandboxKeys(instance, options.keys);
  const watch = watchPods({
    api,
    path: podsPath(namespace),
    selector: selectAllPods(instance),
    clock,
    random,
    onTrouble: options.onTrouble,
  });
  const pods = openPods({ api, namespace, clock, watch });
  const forward = portForwarder(credentials.config, namespace);
  const dial = ({ metadata, status }: V1Pod) =>
    reach === 'pod-ip'
      ? dialAddress(status?.podIP ?? '', port)
      : (signal: AbortSignal) => forward(metadata?.name ?? '', port, signal);
  const ends = openPodLinks({ watch, keys, dial });
  const policyCheck = openPolicyCheck({
    unenforced: options.unenforced ?? (() => 'refuse'),
    onOpen: options.onOpen,
    daemonPort: port,
  });
  const work = new LifecycleCalls((id, workspace, { signal }) => clear(id, workspace, signal));
  const nameOf = (id: SandboxId) => `corral-${instance}-${sessionIdOf(id)}`;
  const ways = {
    namespace,
    instance,
    daemonPort: port,
    reach,
    egress: options.egressAddress,
    serverPods: options.serverPods,
  };

  const closing = new AbortController();
  let policies: Promise<void> | undefined;
  /** Applies the network policies once per server process, before its first pod. */
  function fenced(signal: AbortSignal): Promise<void> {
    if (options.networkPolicies === 'given') return Promise.resolve();
    // The first caller's signal must not stop this: other callers wait for the same promise.
    const until = AbortSignal.any([closing.signal, AbortSignal.timeout(cleanUpMs)]);
    policies ??= ensurePolicies(api, ways, until).catch((error) => {
      policies = undefined;
      throw error;
    });
    return raceAbort(policies, signal);
  }

  function bodyFor(spec: SandboxSpec, pool?: { name: string; recipe: string; content: string }): V1Pod {
    const { egressAddress, extraCa } = options;
    const daemonToken = keys.daemonToken(spec.id, keys.current);
    if (!daemonToken) throw new Error('the current key is known');
    const wayOut =
      egressAddress && spec.egress.kind !== 'none'
        ? { address: egressAddress, token: pool ? keys.warmEgressToken(spec.id) : keys.egressToken(spec.id) }
        : undefined;
    const name = pool?.name ?? nameOf(spec.id);
    const request = { spec, name, namespace, instance, settings, port, key: keys.current, ...(pool && { pool }) };
    return podBody({ ...request, attempt: ids.short(), daemonToken, wayOut, extraCa, now: clock.now() });
  }

  /** The session's pods: the one under its own name, and those claimed from the pool, which keep their names. */
  const podsOf = (id: SandboxId, signal: AbortSignal, since?: string): Promise<V1Pod[]> =>
    pods.list(selectSession(instance, sessionIdOf(id)), signal, since);
  async function claimedFor(id: SandboxId, signal: AbortSignal, since?: string): Promise<V1Pod[]> {
    return (await podsOf(id, signal, since)).filter(({ metadata }) => isFromPool(metadata));
  }

  /** The sandbox's pod, under its own name or its pool name. */
  async function find(id: SandboxId, signal: AbortSignal): Promise<V1Pod | undefined> {
    const name = pool.nameOf(id);
    const own = name && (await pods.get(name, signal));
    if (own && parseSandboxInfo(own.metadata, 'ready')?.id === id) return own;
    const found = await pods.get(nameOf(id), signal);
    if (isOurs(found, instance)) return found;
    return (await claimedFor(id, signal))[0];
  }

  /** Takes over a pod that was claimed earlier. Undefined: there is none, or it has ended. */
  async function adopt(spec: SandboxSpec, signal: AbortSignal): Promise<V1Pod | undefined> {
    for (const pod of await claimedFor(spec.id, signal)) {
      const info = parseSandboxInfo(pod.metadata, 'ready');
      if (info && info.epoch > spec.epoch)
        throw new AppError('fenced', 'Another server has taken over this session and its sandbox.');
      if (computePodState(pod).kind === 'running') return pod;
      await pods.remove(pod, signal);
    }
    return undefined;
  }

  async function clear(id: SandboxId, workspace: 'keep' | 'remove', signal: AbortSignal): Promise<void> {
    const all = await podsOf(id, signal);
    await Promise.all(all.map((pod) => pods.remove(pod, signal)));
    ends.release(id, new AppError('sandbox_lost', 'The sandbox was removed.'));
    if (workspace === 'remove') await claims?.remove(nameOf(id), signal);
  }

  /** After a failed start: removes what that call created, never a sandbox that was already running. */
  async function undo(id: SandboxId, attempt: string | undefined, workspace: 'keep' | 'remove'): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(cleanUpMs), work.hurry]);
    const found = await pods.get(nameOf(id), signal);
    if (found && found.metadata?.annotations?.['corral/attempt'] !== attempt) return;
    await clear(id, workspace, signal);
  }

  const reap = (signal: AbortSignal, whose?: 'all') =>
    reapPods({ pods, instance: whose === 'all' ? undefined : instance, now: clock.now() }, signal);
  let reaping: Promise<unknown> = Promise.resolve();
  const reapLater = () =>
    clock.setTimeout(() => {
      if (closing.signal.aborted) return;
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(cleanUpMs)]);
      reaping = reap(signal).catch(() => {}); // the next round retries
      timer = reapLater();
    }, reapEveryMs);
  let timer = reapLater();

  const pool = podPool({
    pods,
    watch,
    instance,
    clock,
    ids,
    name: (id) => `corral-${instance}-warm-${sessionIdOf(id)}`,
    async start(name, spec, marks, signal) {
      const created: CreatedPod = { pod: undefined };
      await fenced(signal);
      const body = bodyFor(spec, { name, ...marks });
      const placed = await startPod({ pods, keys, instance, body, created }, spec, signal);
      const patience = { patienceMs: options.pendingMs, stuck: () => {} };
      const running = await untilRunning(watch, placed, patience, signal);
      await using link = ends.link(spec.id, running);
      await waitForDaemon(link, signal);
      await policyCheck.check(link, signal);
      return running;
    },
    forget: (id) => ends.release(id, new AppError('sandbox_lost', 'The sandbox was removed.')),
  });

  return {
    ...(claims ? {} : pool.ability),
    claimedBy: pool.claimedBy,
    name: 'kubernetes',
    capabilities: {
      ...capabilities,
      daemonPorts: [port],
      get egress() {
        return policyCheck.isOpen() ? 'open' : 'enforced';
      },
      desktop: options.desktop ?? false,
      pause: claims === undefined ? 'none' : 'files',
      weaknesses: findWeaknesses(settings),
    },
    reap,

    async check({ signal }) {
      const either = AbortSignal.any([signal, AbortSignal.timeout(5_000)]);
      const path = `${podsPath(namespace)}?limit=1&labelSelector=${encodeURIComponent(ownedBy(instance))}`;
      await api.ask({ method: 'GET', path, what: 'list pods', tries: 1 }, either).catch((error) => {
        if (signal.aborted || error.code !== 'deadline_exceeded') throw error;
        throw new AppError('driver_unavailable', 'The Kubernetes API does not answer within 5 s.', { cause: error });
      });
    },

    provision(spec, call, news = () => {}) {
      const { id } = spec;
      return work.start(id, call, async ({ signal }) => {
        const body = bodyFor(spec);
        const created: CreatedPod = { pod: undefined };
        let claim: 'kept' | 'made' | undefined;
        try {
          await fenced(signal);
          claim = await claims?.ensure(nameOf(id), spec, signal);
          news({ phase: 'starting', detail: `Starting a pod of ${spec.image}` });
          const placed =
            (await adopt(spec, signal)) ?? (await startPod({ pods, keys, instance, body, created }, spec, signal));
          // If another replica has also claimed a pod for this session, this pod yields. Both replicas check after
          // their own write.
          if (created.pod) {
            const claimed = await claimedFor(id, signal, created.pod.metadata?.resourceVersion);
            for (const pod of claimed) await pods.remove(pod, signal);
          }
          const stuck = (detail: string) => news({ phase: 'starting', detail });
          const running = await untilRunning(watch, placed, { patienceMs: options.pendingMs, stuck }, signal);
          await using link = ends.link(id, running);
          await waitForDaemon(link, signal).catch((error) => {
            throw notStarted(error);
          });
          await policyCheck.check(link, signal);
          const info = parseSandboxInfo(running.metadata, 'ready');
          if (!info) throw new AppError('sandbox_unavailable', "The labels of the sandbox's pod were changed.");
          return info;
        } catch (error) {
          const attempt = body.metadata?.annotations?.['corral/attempt'];
          await undo(id, attempt, claim === 'made' ? 'remove' : 'keep').catch(() => {}); // `list` still shows what remains
          throw error;
        }
      });
    },

    async attach(id, { signal }) {
      const found = await find(id, signal);
      if (!found || computePodState(found).kind === 'over') {
        throw new AppError('sandbox_not_found', 'The sandbox is gone.');
      }
      if (computePodState(found).kind !== 'running')
        throw new AppError('sandbox_unavailable', 'The sandbox is still starting.');
      const link = ends.link(id, found);
      await waitForDaemon(link, signal).catch(async (error) => {
        await link[Symbol.asyncDispose]();
        if (error.code !== 'sandbox_lost') throw error;
        throw new AppError('sandbox_not_found', error.publicMessage, { cause: error });
      });
      return link;
    },

    async startService(id, service, { signal }, news) {
      for (;;) {
        const found = await find(id, signal);
        if (!found || computePodState(found).kind === 'over')
          throw new AppError('sandbox_not_found', 'The sandbox is gone.');
        if (serviceStart(found, service) === 'begun') return;
        news?.({ phase: 'starting', detail: `Waiting for a container of ${service.image}` });
        await pause(serviceLookMs, signal, clock);
      }
    },

    async services(id, { signal }) {
      const found = await find(id, signal);
      return found ? serviceStates(found) : [];
    },

    async list({ signal }) {
      const [live, kept = []] = await Promise.all([watch.list(signal), claims?.list(ownedBy(instance), signal)]);
      const infos = live.flatMap((pod) => {
        const info = parseSandboxInfo(pod.metadata, phaseOf(pod));
        if (!info) return [];
        return info.phase === 'ready' && work.isStarting(info.id) ? { ...info, phase: 'starting' as const } : info;
      });
      const taken = new Set(infos.map(({ id }) => id));
      const stopped = kept.flatMap(({ metadata }) => parseSandboxInfo(metadata, 'stopped') ?? []);
      return [...infos, ...stopped.filter(({ id }) => !taken.has(id))];
    },

    destroy: (id, workspace, call) => work.end(id, workspace, call),

    async [Symbol.asyncDispose]() {
      closing.abort();
      clock.clearTimeout(timer);
      await work[Symbol.asyncDispose]();
      await reaping;
      pool[Symbol.dispose]();
      ends[Symbol.dispose]();
      await watch[Symbol.asyncDispose]();
      credentials[Symbol.dispose]();
    },
  };
}

function phaseOf(pod: V1Pod): SandboxInfo['phase'] {
  const { kind } = computePodState(pod);
  if (kind === 'over') return 'exited';
  return kind === 'running' ? 'ready' : 'starting';
}
