import type { V1Pod } from '@kubernetes/client-node';
import { raceAbort } from '../../src/core/concurrency/cancel.ts';
import { atIntervals, poll } from '../../src/core/concurrency/rounds.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { type SandboxId, sessionIdOf } from '../../src/core/model/ids.ts';
import type {
  Adopting,
  Capabilities,
  Driver,
  PoolHosting,
  SandboxRecipe,
  SandboxSpec,
  ServiceHosting,
} from '../driver.ts';
import { LifecycleCalls } from '../shared/lifecycle-calls.ts';
import { openApi } from './api/api.ts';
import { openCredentials } from './api/credentials.ts';
import { portForwarder } from './api/port-forward.ts';
import { adoptedEngine } from './claims/adopted-engine.ts';
import { claimEngine } from './claims/claim-engine.ts';
import { readPlatform } from './claims/platform.ts';
import { openTemplates } from './claims/templates.ts';
import type { Engine } from './engine.ts';
import { instanceLabels, ownedBy, parseExpiry, parseSandboxInfo, selectAll, selectAllPods } from './labels.ts';
import type { KubernetesOptions } from './options.ts';
import { findWeaknesses } from './pods/container-walls.ts';
import { type ContainerRequest, egressLabel, podBody, podSpec } from './pods/pod-body.ts';
import { podEngine } from './pods/pod-engine.ts';
import { dialAddress, openPodLinks } from './pods/pod-links.ts';
import { computePodState } from './pods/pod-state.ts';
import { essence } from './pods/pod-table.ts';
import { type PodWatch, watchObjects } from './pods/pod-watch.ts';
import { metadataList, openPods, podsPath } from './pods/pods.ts';
import { sandboxKeys } from './pods/sandbox-tokens.ts';
import { serviceStart, serviceStates } from './pods/service-containers.ts';
import { notStarted, untilRunning } from './pods/start-pod.ts';
import { openVolumeClaims, volumeSpec } from './pods/volume-claims.ts';
import { waitForDaemon } from './pods/wait-for-daemon.ts';
import { ensurePolicies } from './policies/policies.ts';
import { openPolicyCheck } from './policies/policy-check.ts';

const capabilities: Omit<Capabilities, 'egress' | 'pause'> = {
  isolation: 'container',
  limits: ['memoryBytes', 'cpus', 'diskBytes'],
  wayOutIsFixed: true, // a pod's network policy follows its label
  desktop: false, // the options can override it
  noVolumes: 'a claim that several pods mount needs storage of its own; set CORRAL_DRIVER to docker',
  noBuilds:
    'nothing in the cluster builds images for it; build them with the tools of the cluster, and name them in templates',
};
const oneUser =
  'the cluster assigns one user to all containers of a pod, so a service could not be told from the sandbox';
const cleanUpMs = 40_000;
const serviceLookMs = 1_000;
const reapEveryMs = 60_000;
/** A pod this long past its deadline no longer has an owner, so any installation can delete it. */
const lateMs = 60_000;

export interface KubernetesDriver extends Driver, ServiceHosting, Adopting, Partial<PoolHosting> {
  /** Ends expired pods, of this installation or of all in the namespace. Resolves with their names. */
  reap(signal: AbortSignal, whose?: 'all'): Promise<readonly string[]>;
}

export async function kubernetesDriver(options: KubernetesOptions): Promise<KubernetesDriver> {
  const { namespace, instance, ids, clock, reach, port, pods: settings, extraCa } = options;
  const credentials = openCredentials(options);
  const api = openApi({ ...options, credentials });
  const cluster = { ...options, api };
  const { storageClass } = settings;
  const keepsFiles = settings.workspace === 'volume';
  const volumes = keepsFiles ? openVolumeClaims({ ...cluster, storageClass }) : undefined;
  const keys = sandboxKeys(instance, options.keys);
  const pods = openPods({ ...cluster, watch: () => watch });
  const selector = { labelSelector: selectAllPods(instance) };
  const watch: PodWatch = watchObjects({ ...cluster, objects: pods, selector, keep: essence });
  const forward = portForwarder(credentials.config, namespace);
  const dial = ({ metadata, status }: V1Pod) =>
    reach === 'pod-ip'
      ? dialAddress(status?.podIP ?? '', port)
      : (signal: AbortSignal) => forward(metadata?.name ?? '', port, signal);
  const ends = openPodLinks({ watch, keys, dial });
  const policyCheck = openPolicyCheck(options);
  const work = new LifecycleCalls((id, workspace, { signal }) => clear(id, workspace, signal));
  const nameOf = (id: SandboxId) => `corral-${instance}-${sessionIdOf(id)}`;
  const closing = new AbortController();
  const cleanUpSignal = () => AbortSignal.any([closing.signal, AbortSignal.timeout(cleanUpMs)]);
  /** Shares one attempt among all callers, whose own signals do not stop it, and makes another one after a failure. */
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
  /** Applies the network policies once per server process, before its first pod. */
  const fenced = shareAttempt(async (signal) => {
    if (options.networkPolicies !== 'given') await ensurePolicies(api, options, signal);
  });

  const egressOf = ({ egress }: SandboxRecipe) => (egress.kind === 'none' ? undefined : options.egressAddress);
  function bodyFor(spec: SandboxSpec): V1Pod {
    const daemonToken = keys.daemonToken(spec.id, keys.current);
    if (!daemonToken) throw new Error('the current key is known');
    const access = { of: spec, daemonToken, egressToken: keys.egressToken(spec.id) };
    const names = { name: nameOf(spec.id), namespace, instance, key: keys.current, attempt: ids.short() };
    return podBody({ spec, ...names, settings, port, access, egress: egressOf(spec), extraCa, now: clock.now() });
  }
  function blueprintFor(recipe: SandboxRecipe) {
    const access = { of: 'template', publicKey: keys.publicKey } as const;
    const request: ContainerRequest = { recipe, settings, port, access, egress: egressOf(recipe), extraCa };
    const volume = { metadata: { name: 'workspace' }, spec: volumeSpec(recipe.limits.diskBytes, storageClass) };
    const labels = { ...instanceLabels(instance), ...egressLabel(request.egress) };
    const annotations = { 'corral/key': keys.current, 'corral/template': recipe.template };
    return {
      podTemplate: {
        metadata: { labels, annotations },
        spec: podSpec({ ...request, ...(keepsFiles && { claimName: 'workspace' }) }),
      },
      ...(keepsFiles && { volumeClaimTemplates: [volume] }),
    };
  }

  const egressToken = (spec: SandboxSpec) => (egressOf(spec) ? keys.egressToken(spec.id) : undefined);
  const shared = { ...cluster, nameOf, pods, watch, egressToken };
  const engines = new AsyncDisposableStack();
  const ownPods = engines.use(podEngine({ ...shared, keys, volumes, bodyFor }));
  const templates = openTemplates({ ...cluster, blueprintFor });
  let engineName: string | undefined;
  let adopted: ReturnType<typeof adoptedEngine> | undefined;
  /** Undefined: sandboxes are pods of this server. */
  const claiming = shareAttempt(async (signal) => {
    engineName = 'pods of this server';
    if (options.engine === 'pods') return undefined;
    const { versions, obstacle, seesNodes = false, adopts = false } = await readPlatform(api, namespace, signal);
    if (obstacle === undefined) {
      engineName = `claims of agents.x-k8s.io (${versions.join(', ')})`;
      const own = { templates, keepsFiles, seesNodes, blueprintFor };
      if (adopts) adopted = engines.use(adoptedEngine(shared));
      return engines.use(claimEngine({ ...shared, ...own }));
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
    const missing = 'the cluster lacks agents.x-k8s.io, or this server the rights to get, list and watch its sandboxes';
    throw new AppError('unsupported', `No Sandbox can be adopted here: ${missing} (docs/kubernetes.md).`);
  }
  /** A sandbox that was started as a pod, perhaps before the cluster had claims, stays one. */
  async function engineFor({ id, adopts }: SandboxSpec, signal: AbortSignal): Promise<Engine> {
    if (adopts !== undefined) return await adopting(signal);
    const claims = await claiming(signal);
    return !claims || (await ownPods.holds(id, signal)) ? ownPods : claims;
  }

  const find = async (id: SandboxId, signal: AbortSignal) =>
    (await (await claiming(signal))?.find(id, signal)) ??
    (await ownPods.find(id, signal)) ??
    (await adopted?.find(id, signal));
  async function findLive(id: SandboxId, signal: AbortSignal): Promise<V1Pod> {
    const found = await find(id, signal);
    if (found && computePodState(found).kind !== 'over') return found;
    throw new AppError('sandbox_not_found', 'The sandbox is gone.');
  }

  async function clear(id: SandboxId, workspace: 'keep' | 'remove', signal: AbortSignal): Promise<void> {
    const claims = await claiming(signal);
    await Promise.all([ownPods, claims, adopted].map((engine) => engine?.clear(id, workspace, signal)));
    ends.release(id, new AppError('sandbox_lost', 'The sandbox was removed.'));
  }

  async function reap(signal: AbortSignal, whose?: 'all'): Promise<string[]> {
    const others = { selector: { labelSelector: selectAll }, accept: metadataList };
    const all = whose === 'all' ? (await pods.list(others, signal)).items : await watch.list(signal);
    const late = all.filter(({ metadata }) => parseExpiry(metadata) + lateMs < clock.now()); // one without a deadline is kept
    await Promise.all(late.map((pod) => pods.remove(pod, signal)));
    return late.map(({ metadata }) => metadata?.name ?? '');
  }
  async function cleanUp() {
    const signal = cleanUpSignal();
    await Promise.all([reap(signal), claiming(signal).then((claims) => claims?.sweep(signal))]);
  }
  const cleaning = atIntervals(cleanUp, { clock, everyMs: reapEveryMs }, closing.signal);

  const keepReady: PoolHosting['keepReady'] = async (recipe, want, { signal }) => {
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
      await claiming(either);
    },

    provision(spec, call, news = () => {}) {
      const { id } = spec;
      return work.start(id, call, async ({ signal }) => {
        await fenced(signal);
        const start = (await engineFor(spec, signal)).begin(spec);
        try {
          const placed = await start.place(news, signal);
          const running = await untilRunning(placed, { ...options, watch, news }, signal);
          await using link = ends.link(id, running);
          await waitForDaemon(link, signal).catch((error) => {
            throw notStarted(error);
          });
          await policyCheck.check(link, signal);
          const info = parseSandboxInfo((await start.finish(link, running, signal)).metadata, 'ready');
          if (!info) throw new AppError('sandbox_unavailable', 'The labels of the sandbox were changed.');
          return info;
        } catch (error) {
          const until = AbortSignal.any([AbortSignal.timeout(cleanUpMs), work.hurry]);
          await start.undo(until).catch(() => {}); // `list` still shows what remains
          throw error;
        }
      });
    },

    async checkAdoption(named, { signal }) {
      await (await adopting(signal)).inspect(named, undefined, signal);
    },

    async attach(id, { signal }) {
      const found = await findLive(id, signal);
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
        if (serviceStart(await findLive(id, signal), service) === 'begun') return true;
        return void news?.({ phase: 'starting', detail: `Waiting for a container of ${service.image}` });
      };
      await poll(look, { everyMs: serviceLookMs, clock }, signal);
    },

    async services(id, { signal }) {
      const found = await find(id, signal);
      return found ? serviceStates(found) : [];
    },

    async list({ signal }) {
      const [live, claims] = await Promise.all([watch.list(signal), claiming(signal)]);
      const infos = await Promise.all(
        [ownPods, claims, adopted].map(async (engine) => (await engine?.list(live, signal)) ?? []),
      );
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
      await watch[Symbol.asyncDispose]();
      credentials[Symbol.dispose]();
    },
  };
}
