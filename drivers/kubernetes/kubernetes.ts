import type { V1Pod } from '@kubernetes/client-node';
import { combineSignals, raceAbort } from '../../src/core/concurrency/cancel.ts';
import { poll, runAtIntervals } from '../../src/core/concurrency/rounds.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { type SandboxId, sessionIdOf } from '../../src/core/model/ids.ts';
import type {
  AdoptionSupport,
  Capabilities,
  Driver,
  PoolHost,
  SandboxRecipe,
  SandboxSpec,
  ServiceHost,
} from '../driver.ts';
import { LifecycleCoordinator } from '../shared/lifecycle-calls.ts';
import { createDialFunction } from '../shared/link/dialling-agent.ts';
import { openKubeApi } from './api/api.ts';
import { openKubeCredentials } from './api/credentials.ts';
import { createPortForwarder } from './api/port-forward.ts';
import { createAdoptionEngine } from './claims/adopted-engine.ts';
import { createClaimEngine } from './claims/claim-engine.ts';
import { readClusterSupport } from './claims/platform.ts';
import { openSandboxTemplates } from './claims/templates.ts';
import type { SandboxEngine } from './engine.ts';
import {
  createInstanceLabels,
  createSandboxSelector,
  isOverdue,
  parseSandboxInfo,
  toObjectNamePrefix,
  toSandboxInfos,
} from './labels.ts';
import type { KubernetesOptions } from './options.ts';
import {
  createEgressLabel,
  createPodBody,
  createPodSpec,
  listPodWeaknesses,
  type PodSpecRequest,
} from './pods/pod-body.ts';
import { createPodEngine, createVolumeClaimSpec } from './pods/pod-engine.ts';
import { openPodLinks, waitForDaemon } from './pods/pod-links.ts';
import {
  computePodState,
  computeServiceStartState,
  podsPath,
  toServiceStates,
  toStartError,
  waitForRunningPod,
  watchPods,
} from './pods/pod-state.ts';
import { createSandboxTokenDeriver } from './pods/sandbox-tokens.ts';
import { createNetworkPolicyCheck, ensureNetworkPolicies } from './policies/policies.ts';

const capabilities: Omit<Capabilities, 'egress' | 'pause'> = {
  isolation: 'container',
  limits: ['memoryBytes', 'cpus', 'diskBytes'],
  isEgressFixed: true, // a pod's network policy is selected by a label that is set at creation
  desktop: false,
  noVolumes: 'a claim mounted by several pods needs special storage; set CORRAL_DRIVER to docker',
  noBuilds:
    'the cluster has no image builder for it; build images with the tools of the cluster, and use them in templates',
};
const oneUser =
  'the cluster assigns one user to all containers of a pod, so a service could not be distinguished from the sandbox';
const cleanUpMs = 40_000;

export interface KubernetesDriver extends Driver, ServiceHost, AdoptionSupport, Partial<PoolHost> {
  reap(signal: AbortSignal): Promise<readonly string[]>;
}

export async function createKubernetesDriver(options: KubernetesOptions): Promise<KubernetesDriver> {
  const { namespace, instance, ids, clock, reach, port, pods: settings, extraCa } = options;
  const credentials = openKubeCredentials(options);
  const api = openKubeApi({ ...options, credentials });
  const cluster = { ...options, api };
  const { storageClass } = settings;
  const keepsFiles = settings.workspace === 'volume';
  const keys = createSandboxTokenDeriver(instance, options.keys);
  const pods = watchPods(cluster);
  const forward = createPortForwarder(credentials.config, namespace);
  const dial = ({ metadata, status }: V1Pod) =>
    reach === 'pod-ip'
      ? createDialFunction(status?.podIP ?? '', port)
      : (signal: AbortSignal) => forward(metadata?.name ?? '', port, signal);
  const ends = openPodLinks({ pods, keys, dial });
  const policyCheck = createNetworkPolicyCheck(options);
  const work = new LifecycleCoordinator((id, workspace, { signal }) => clear(id, workspace, signal));
  const nameOf = (id: SandboxId) => toObjectNamePrefix(instance) + sessionIdOf(id);
  const closing = new AbortController();
  const cleanUpSignal = () => combineSignals([closing.signal, AbortSignal.timeout(cleanUpMs)]);
  /** Callers' signals do not abort the shared attempt. After a failure, the next call retries. */
  function shareAttempt<Made>(make: (signal: AbortSignal) => Promise<Made>) {
    let made: Promise<Made> | undefined;
    return (signal: AbortSignal): Promise<Made> => {
      made ??= make(cleanUpSignal()).catch((error) => {
        made = undefined;
        throw error;
      });
      return raceAbort(made, signal);
    };
  }
  /** Creates the network policies before the first sandbox's pod, unless the operator provides them. */
  const fenced = shareAttempt(async (signal) => {
    if (options.networkPolicies !== 'given') await ensureNetworkPolicies(api, options, signal);
  });

  const egressOf = ({ egress }: SandboxRecipe) => (egress.kind === 'none' ? undefined : options.egressAddress);
  function bodyFor(spec: SandboxSpec): V1Pod {
    const daemonToken = keys.daemonToken(spec.id, keys.current);
    if (!daemonToken) throw new Error('the current key is known');
    const access = { of: spec, daemonToken, egressToken: keys.egressToken(spec.id) };
    const names = { name: nameOf(spec.id), namespace, instance, key: keys.current, attempt: ids.short() };
    return createPodBody({ spec, ...names, settings, port, access, egress: egressOf(spec), extraCa, now: clock.now() });
  }
  function blueprintFor(recipe: SandboxRecipe) {
    const access = { of: 'template', publicKey: keys.publicKey } as const;
    const request: PodSpecRequest = { recipe, settings, port, access, egress: egressOf(recipe), extraCa };
    const volume = {
      metadata: { name: 'workspace' },
      spec: createVolumeClaimSpec(recipe.limits.diskBytes, storageClass),
    };
    const labels = { ...createInstanceLabels(instance), ...createEgressLabel(request.egress) };
    const annotations = { 'corral/key': keys.current, 'corral/template': recipe.template };
    return {
      podTemplate: {
        metadata: { labels, annotations },
        spec: createPodSpec({ ...request, ...(keepsFiles && { claimName: 'workspace' }) }),
      },
      ...(keepsFiles && { volumeClaimTemplates: [volume] }),
    };
  }

  const egressToken = (spec: SandboxSpec) => egressOf(spec) && keys.egressToken(spec.id);
  const shared = { ...cluster, nameOf, pods, egressToken };
  const engines = new AsyncDisposableStack();
  const ownPods = engines.use(createPodEngine({ ...shared, keys, keepsFiles, storageClass, bodyFor }));
  const templates = openSandboxTemplates({ ...cluster, blueprintFor });
  let engineName: string | undefined;
  let adopted: ReturnType<typeof createAdoptionEngine> | undefined;
  /** Undefined if this server creates sandboxes as pods. */
  const claiming = shareAttempt(async (signal) => {
    engineName = 'pods of this server';
    if (options.engine === 'pods') return undefined;
    const { versions, obstacle, seesNodes = false, adopts = false } = await readClusterSupport(api, namespace, signal);
    if (obstacle === undefined) {
      engineName = `claims of agents.x-k8s.io (${versions.join(', ')})`;
      if (adopts) adopted = engines.use(createAdoptionEngine(shared));
      return engines.use(createClaimEngine({ ...shared, templates, keepsFiles, seesNodes, blueprintFor }));
    }
    if (options.engine === 'agent-sandbox')
      throw new AppError('driver_unavailable', `Sandboxes cannot be claims of agents.x-k8s.io. ${obstacle}`);
    engineName = `pods of this server. ${obstacle}`;
    if (versions.length > 0) options.onOpen?.(`Sandboxes are not claims of agents.x-k8s.io. ${obstacle}`);
    return undefined;
  });
  async function adopting(signal: AbortSignal) {
    await claiming(signal);
    if (adopted) return adopted;
    const missing =
      'the cluster lacks agents.x-k8s.io, or this server lacks the rights to get, list and watch its sandboxes';
    throw new AppError('unsupported', `No Sandbox can be adopted here: ${missing} (docs/kubernetes.md).`);
  }
  /** A sandbox that started as a pod remains a pod. */
  async function engineFor({ id, adopts }: SandboxSpec, signal: AbortSignal): Promise<SandboxEngine> {
    if (adopts !== undefined) return await adopting(signal);
    const claims = await claiming(signal);
    return !claims || (await ownPods.holds(id, signal)) ? ownPods : claims;
  }

  const all = async (signal: AbortSignal) =>
    [await claiming(signal), ownPods, adopted].filter((engine) => engine !== undefined);
  async function find(id: SandboxId, signal: AbortSignal): Promise<V1Pod | undefined> {
    for (const engine of await all(signal)) {
      const found = await engine.find(id, signal);
      if (found) return found;
    }
    return undefined;
  }
  async function findLive(id: SandboxId, signal: AbortSignal): Promise<V1Pod> {
    const found = await find(id, signal);
    if (found && computePodState(found).kind !== 'over') return found;
    throw new AppError('sandbox_not_found', 'The sandbox is gone.');
  }

  async function clear(id: SandboxId, workspace: 'keep' | 'remove', signal: AbortSignal): Promise<void> {
    await Promise.all((await all(signal)).map((engine) => engine.clear(id, workspace, signal)));
    ends.release(id, new AppError('sandbox_lost', 'The sandbox was removed.'));
  }

  async function reap(signal: AbortSignal): Promise<string[]> {
    const late = (await pods.list(signal)).filter((pod) => isOverdue(pod, clock.now()));
    await Promise.all(late.map((pod) => pods.remove(pod, signal)));
    return late.map(({ metadata }) => metadata?.name ?? '');
  }
  async function cleanUp() {
    const signal = cleanUpSignal();
    await Promise.all([reap(signal), claiming(signal).then((claims) => claims?.sweep(signal))]);
  }
  const cleaning = runAtIntervals(cleanUp, { clock, everyMs: 60_000 }, closing.signal);

  const keepReady: PoolHost['keepReady'] = async (recipe, want, { signal }) => {
    if (!(await claiming(signal))) throw new AppError('unsupported', 'Plain pods have no pool of ready sandboxes.');
    await fenced(signal);
    await templates.keepReady(recipe, want, signal);
  };

  return {
    ...(options.engine !== 'pods' && { keepReady }),
    name: 'kubernetes',
    capabilities: {
      ...capabilities,
      ...(settings.podUser === 'assigned' && { noServices: oneUser }),
      daemonPorts: [port],
      get egress() {
        return policyCheck.isOpen() ? 'open' : 'enforced';
      },
      desktop: options.desktop ?? false,
      get engine() {
        return engineName;
      },
      pause: keepsFiles ? 'files' : 'none',
      weaknesses: listPodWeaknesses(settings),
    },
    reap,

    async check({ signal }) {
      const either = combineSignals([signal, AbortSignal.timeout(5_000)]);
      const path = `${podsPath(namespace)}?limit=1&labelSelector=${encodeURIComponent(createSandboxSelector(instance))}`;
      await api.ask({ method: 'GET', path, what: 'list pods', tries: 1 }, either).catch((error) => {
        if (signal.aborted || error.code !== 'deadline_exceeded') throw error;
        throw new AppError('driver_unavailable', 'The Kubernetes API did not answer within 5 s.', { cause: error });
      });
      await claiming(either);
    },

    provision(spec, call, news = () => {}) {
      const { id } = spec;
      return work.start(id, call, async ({ signal }) => {
        await fenced(signal);
        const start = (await engineFor(spec, signal)).begin(spec);
        try {
          const placed = await start.place(news, signal);
          const running = await waitForRunningPod(placed, { ...options, pods, news }, signal);
          await using link = ends.link(id, running);
          await waitForDaemon(link, signal, start.identity(running)).catch((error) => {
            throw toStartError(error);
          });
          await policyCheck.check(link, signal);
          const [info] = toSandboxInfos(
            parseSandboxInfo((await start.finish(running, signal)).metadata, 'ready'),
            running,
          );
          if (!info) throw new AppError('sandbox_unavailable', 'The labels of the sandbox were changed.');
          ends.noteStart(id, running);
          return info;
        } catch (error) {
          const until = combineSignals([AbortSignal.timeout(cleanUpMs), work.hurry]);
          await start.undo(until).catch(() => {});
          throw error;
        }
      });
    },

    async checkAdoption(named, { signal }) {
      await (await adopting(signal)).inspect(named, undefined, signal);
    },

    async attach(id, { signal }) {
      const found = ends.started(id) ?? (await findLive(id, signal));
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
      const look = async () => {
        if (computeServiceStartState(await findLive(id, signal), service) === 'begun') return true;
        return void news?.({ phase: 'starting', detail: `Waiting for a container of ${service.image}` });
      };
      await poll(look, { everyMs: 1_000, clock }, signal);
    },

    async services(id, { signal }) {
      const found = await find(id, signal);
      return found ? toServiceStates(found) : [];
    },

    async list({ signal }) {
      const [live, running] = await Promise.all([pods.list(signal), all(signal)]);
      const infos = await Promise.all(running.map((engine) => engine.list(live, signal)));
      return infos
        .flat()
        .map((info) => (info.phase === 'ready' && work.isStarting(info.id) ? { ...info, phase: 'starting' } : info));
    },

    destroy: (id, workspace, call) => work.end(id, workspace, call),

    async [Symbol.asyncDispose]() {
      closing.abort();
      await work[Symbol.asyncDispose]();
      await cleaning;
      await engines.disposeAsync();
      ends[Symbol.dispose]();
      await pods[Symbol.asyncDispose]();
      credentials[Symbol.dispose]();
    },
  };
}
