import { readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type Dockerode from 'dockerode';
import { combineSignals, raceAbort } from '../../src/core/concurrency/cancel.ts';
import { systemClock } from '../../src/core/contracts/clock.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { type SandboxId, sessionIdOf } from '../../src/core/model/ids.ts';
import type { LocalDriverOptions } from '../descriptor.ts';
import type {
  Capabilities,
  Driver,
  ImageBuilder,
  Pausable,
  Poolable,
  ServerImageBuilder,
  ServiceHost,
  VolumeHost,
} from '../driver.ts';
import { type MountFolders, openSandboxFolders } from '../shared/folders.ts';
import { LifecycleCoordinator } from '../shared/lifecycle-calls.ts';
import { waitForReachableLink, waitForSandboxStart, waitUntilReachable } from '../shared/link/sandbox-endpoint.ts';
import { openSandboxEndpointRegistry } from '../shared/link/server-endpoints.ts';
import { createCpuWaitMeter } from '../shared/pool/cpu-wait-meter.ts';
import type { UserIdRange } from '../shared/user-range.ts';
import { explainMissingBuildSupport, openImageBuilder } from './builds/builds.ts';
import {
  callEngine,
  findEngineObject,
  openDockerEngine,
  pauseContainer,
  readEngineErrorStatus,
  removeContainer,
  removeVolume,
} from './engine.ts';
import { type BuildableImage, openEngineImages } from './images.ts';
import {
  createContainerNaming,
  createInstanceFilter,
  createSandboxLabels,
  isPooled,
  parseContainerInfo,
  parseSandboxInfo,
} from './labels.ts';
import { createSandboxLister } from './list.ts';
import { mayHaveServices, openDockerServices } from './services/services.ts';
import {
  type CreatedResources,
  readWorkspacePointer,
  startContainer,
  toWorkspaceVolume,
  workspaceVolumeOf,
  writeWorkspacePointer,
} from './start-container.ts';
import { usesHostKernel } from './strict-runtime.ts';
import { openUserIdAllocator } from './users.ts';
import { openDockerVolumes } from './volumes.ts';
import { createDockerPool } from './warm.ts';
import { openContainerWatcher } from './watch.ts';

const patienceMs = 10_000;
// The kernel limits a Unix socket's path to 107 bytes.
const maxRoot = 107 - '/sbx-0123456789abcdef/control.0123456789ab'.length;

function filteredMounts(engine: Dockerode, folder: string): MountFolders {
  const root = resolve(folder);
  if (Buffer.byteLength(root) > maxRoot) {
    throw new AppError(
      'invalid_request',
      `CORRAL_DOCKER_SOCKETS_DIR must be at most ${maxRoot} bytes long, because it holds Unix sockets.`,
    );
  }
  const path = (id: SandboxId) => join(root, id);
  const filter = (method: 'PUT' | 'DELETE', id: SandboxId) =>
    callEngine(
      AbortSignal.timeout(patienceMs),
      () =>
        new Promise<void>((done, fail) => {
          const options = { path: `/corral/sockets/${id}`, method, statusCodes: { 204: true } };
          engine.modem.dial(options, (error) => (error ? fail(error) : done()));
        }),
    );
  return {
    path,
    async make(id) {
      await filter('PUT', id).catch((error) => {
        if (readEngineErrorStatus(error) !== 404) throw error;
        throw new AppError(
          'driver_unavailable',
          'CORRAL_DOCKER_SOCKETS_DIR is set, but DOCKER_HOST points to an engine, not to an engine filter. Start the ' +
            'filter (see docs/deploy.md), or unset CORRAL_DOCKER_SOCKETS_DIR.',
          { cause: error },
        );
      });
      if (await stat(path(id)).catch(() => undefined)) return;
      throw new AppError(
        'driver_unavailable',
        `The engine filter created a folder that this server cannot see at ${path(id)}. CORRAL_DOCKER_SOCKETS_DIR must be the ` +
          "filter's --root, mounted at the same path.",
      );
    },
    async remove(id) {
      const names = await readdir(path(id)).catch(() => []);
      await Promise.all(names.map((name) => rm(join(path(id), name), { recursive: true, force: true })));
      await filter('DELETE', id);
    },
  };
}

/** `root` holds the sandboxes' records and, by default, their sockets. */
export interface DockerOptions extends LocalDriverOptions {
  /** Same format as DOCKER_HOST. Must be a Unix socket on this machine. */
  readonly host: string;
  /** Set if `host` is an engine filter, which creates the socket folders here. */
  readonly socketsDir?: string | undefined;
  /** Undefined: every sandbox runs as the image's user. */
  readonly users?: UserIdRange | undefined;
  readonly defaultImage?: BuildableImage;
  readonly variants?: readonly BuildableImage[];
  readonly desktop?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly runtime?: string | undefined;
  readonly answerMs?: number;
}

const capabilities: Capabilities = {
  isolation: 'container',
  egress: 'enforced',
  limits: ['memoryBytes', 'cpus', 'pids'],
  pause: 'memory',
  desktop: false,
};
const noSharedNetwork = (runtime: string | undefined) =>
  `containers of the runtime ${runtime} (CORRAL_DOCKER_RUNTIME) cannot share a network, so a sandbox could not ` +
  "reach its services; use the engine's default runtime";
const filteredVolumes =
  'the engine filter (CORRAL_DOCKER_SOCKETS_DIR) lets the server create only sandboxes, not the helper container that ' +
  'makes a volume writable for the user of a sandbox';
const workdir = '/workspace';
const cleanUpMs = 30_000;

export async function createDockerDriver(
  options: DockerOptions,
): Promise<Driver & ImageBuilder & ServerImageBuilder & Pausable & Poolable & ServiceHost & VolumeHost> {
  const { host, instance, root, gate, ids, replica, caBundle, labels = {}, onRefused } = options;
  const engine = openDockerEngine(host, options.answerMs);
  const { socketsDir } = options;
  const folders = await openSandboxFolders(
    root,
    socketsDir === undefined ? undefined : filteredMounts(engine, socketsDir),
  );
  const images = openEngineImages(engine, [options.defaultImage ?? [], options.variants ?? []].flat());
  const refused = onRefused && ((from: { id: SandboxId }, reason: string) => onRefused(from.id, reason));
  const end = { gate, ids, replica, caBundle, onRefused: refused };
  const ends = openContainerWatcher(engine, createInstanceFilter(instance), systemClock);
  const holds = openSandboxEndpointRegistry({ folders, end, watch: ends.over });
  const work = new LifecycleCoordinator((id, workspace, { signal }) => clear(id, workspace, signal));
  const names = createContainerNaming(instance);
  const nameOf = names.of;

  async function find(id: SandboxId, signal: AbortSignal): Promise<Dockerode.ContainerInspectInfo | undefined> {
    const container = engine.getContainer(nameOf(id));
    const found = await findEngineObject(signal, () => container.inspect({ abortSignal: signal }));
    return found?.Config.Labels?.['corral.owner-instance'] === instance ? found : undefined;
  }

  async function running(id: SandboxId, signal: AbortSignal): Promise<Dockerode.ContainerInspectInfo> {
    const found = await find(id, signal);
    if (!found?.State.Running) throw new AppError('sandbox_not_found', 'The sandbox is gone.');
    return found;
  }

  async function clear(id: SandboxId, workspace: 'keep' | 'remove', signal: AbortSignal): Promise<void> {
    const name = nameOf(id);
    const [found, pointer] = await Promise.all([find(id, signal), readWorkspacePointer(engine, name, signal)]);
    const fromPool = found && isPooled(found.Config.Labels) ? found : undefined;
    const info = fromPool && parseContainerInfo(names, { name, labels: fromPool.Config.Labels }, 'ready');
    if (info && !pointer && workspace === 'keep') {
      await writeWorkspacePointer(
        { engine, name, labels: createSandboxLabels(info, instance, labels), found: fromPool },
        signal,
      );
    }
    const files = pointer?.workspace ?? (fromPool && workspaceVolumeOf(fromPool));
    const former = files === undefined ? undefined : names.warmIn(files);
    // Remove services first, so that an interrupted removal leaves the sandbox listed and can be retried.
    if (!found || mayHaveServices(found.Config.Labels)) await services.remove(id, signal);
    await removeContainer(engine, name, instance, signal, found);
    for (const key of former ? [former, id] : [id]) {
      await holds.release(key, new AppError('sandbox_lost', 'The sandbox was removed.'));
    }
    for (const key of former ? [former, id] : [id]) await folders.remove(key);
    // Remove the pointer volume last, because a retry needs it to find the files.
    if (workspace === 'remove' && files !== undefined) await removeVolume(engine, files, signal);
    if (workspace === 'remove') await removeVolume(engine, name, signal);
  }

  async function undo(id: SandboxId, createdResources: CreatedResources, workspace: 'keep' | 'remove'): Promise<void> {
    const signal = combineSignals([AbortSignal.timeout(cleanUpMs), work.hurry]);
    if (createdResources.creating) await raceAbort(createdResources.creating, signal);
    const found = await find(id, signal);
    if (!found || found.Id === createdResources.containerId || found.State.Status === 'created')
      await clear(id, workspace, signal);
  }

  const users = openUserIdAllocator({ engine, instance, ids, range: options.users });
  const services = openDockerServices({ engine, images, users, instance, nameOf, labels, runtime: options.runtime });
  const volumes = openDockerVolumes({ engine, instance, labels });
  const placeFor = { engine, folders, holds, instance, names, labels, users, volumes, runtime: options.runtime };
  const warming = new Set<SandboxId>();
  const hasReplicas = replica !== undefined;
  const isStarting = (id: SandboxId) => work.isStarting(id);
  const list = createSandboxLister({ ...placeFor, clock: systemClock, hasReplicas, isStarting, warming });
  const builds = openImageBuilder({ ...placeFor, images, ids, building: warming });
  const noBuilds = explainMissingBuildSupport({ filtered: socketsDir !== undefined, runtime: options.runtime });
  const pool = createDockerPool({
    ...placeFor,
    images,
    hasReplicas,
    starting: warming,
    place: (name, image, marks, createdResources) => (spec, signal) => {
      const own = { token: ids.token(), freshUser: users.choose(signal), workspace: { volume: name } };
      return startContainer({ ...placeFor, ...own, name, image, pool: marks, created: createdResources }, spec, signal);
    },
  });

  return {
    ...pool,
    ...builds,
    name: 'docker',
    capabilities: {
      ...capabilities,
      desktop: options.desktop ?? false,
      ...(!usesHostKernel(options.runtime) && { noServices: noSharedNetwork(options.runtime) }),
      ...(socketsDir !== undefined && { noVolumes: filteredVolumes }),
      ...(noBuilds !== undefined && { noBuilds }),
    },

    async check({ signal }) {
      const soon = combineSignals([signal, AbortSignal.timeout(5_000)]);
      // dockerode's types omit the options of `ping`
      const ping = engine.ping.bind(engine) as (options: object) => Promise<unknown>;
      await callEngine(soon, () => ping({ abortSignal: soon })).catch((error) => {
        if (signal.aborted || error.code !== 'deadline_exceeded') throw error;
        throw new AppError('driver_unavailable', 'The Docker engine did not answer within 5 s.', { cause: error });
      });
    },

    async ensureImage(image, call, news) {
      await images.ensure(image, call, news);
    },

    provision(spec, call, news = () => {}) {
      const { id } = spec;
      return work.start(id, call, async (own) => {
        const { signal } = own;
        const kept = readWorkspacePointer(engine, nameOf(id), signal);
        const freshUser = users.choose(signal);
        freshUser.catch(() => {});
        const [image, pointer] = await Promise.all([images.ensure(spec.image, own, news), kept]);
        news({ phase: 'starting', detail: `Starting a container of ${image}` });
        const createdResources: CreatedResources = { containerId: undefined };
        try {
          const place = {
            ...placeFor,
            token: ids.token(),
            freshUser,
            name: nameOf(id),
            image,
            created: createdResources,
          };
          const workspace = toWorkspaceVolume(pointer, place);
          const { info, end } = await startContainer({ ...place, workspace }, spec, signal);
          await waitForSandboxStart(end, signal);
          return info;
        } catch (error) {
          await undo(id, createdResources, pointer ? 'keep' : 'remove').catch(() => {});
          throw error;
        }
      });
    },

    async attach(id, { signal }, role = 'holder') {
      const { Id, State, Config } = await running(id, signal);
      const key = parseSandboxInfo(Config.Labels, 'ready')?.id ?? id;
      const who = { id, sessionId: sessionIdOf(id) };
      const held = await holds.link(key, { body: Id, workdir, role, who });
      const link = { ...held, starvedMs: createCpuWaitMeter(State.Pid) };
      // A paused sandbox's daemon cannot dial, so requests wait until the sandbox resumes.
      if (State.Paused) return link;
      return await waitForReachableLink(link, waitUntilReachable(await holds.hold(key, Id), signal));
    },

    list: ({ signal }) => list(signal),

    destroy: (id, workspace, call) => work.end(id, workspace, call),

    async pause(id, { signal }) {
      const { Id, State, Config } = await running(id, signal);
      const hasServices = mayHaveServices(Config.Labels);
      try {
        if (hasServices) await services.freeze(id, signal);
        if (!State.Paused) await pauseContainer(engine.getContainer(Id), signal);
      } catch (error) {
        if (hasServices) await services.thaw(id, AbortSignal.timeout(cleanUpMs)).catch(() => {});
        throw error;
      }
    },

    async resume(id, { signal }) {
      const { Id, State, Config } = await running(id, signal);
      if (mayHaveServices(Config.Labels)) await services.thaw(id, signal);
      if (State.Paused) await callEngine(signal, () => engine.getContainer(Id).unpause({ abortSignal: signal }));
    },

    async startService(id, service, call, news) {
      const { Id, Config } = await running(id, call.signal);
      const info = parseSandboxInfo(Config.Labels, 'ready');
      if (!info || !mayHaveServices(Config.Labels)) {
        throw new AppError(
          'sandbox_unavailable',
          'The sandbox was started without services. Stop it and start it again.',
        );
      }
      await services.start({ info, sandbox: Id, service, news }, call);
    },

    services: (id, { signal }) => services.states(id, signal),

    makeVolume: volumes.makeVolume,
    volumes: volumes.volumes,
    removeVolume: volumes.removeVolume,

    async [Symbol.asyncDispose]() {
      await work[Symbol.asyncDispose]();
      await images[Symbol.asyncDispose]();
      await holds[Symbol.asyncDispose]();
      await ends[Symbol.asyncDispose]();
    },
  };
}
