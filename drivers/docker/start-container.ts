import type Dockerode from 'dockerode';
import { sleep } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { Secret } from '../../src/core/text/secret.ts';
import type { SandboxInfo, SandboxSpec } from '../driver.ts';
import { type SandboxFolders, toSandboxInfoFields } from '../shared/folders.ts';
import type { SandboxEndpoint } from '../shared/link/sandbox-endpoint.ts';
import type { SandboxEndpointRegistry } from '../shared/link/server-endpoints.ts';
import { hashDaemonToken } from '../shared/link/token.ts';
import { type ContainerRequest, createSandboxBody } from './create-body.ts';
import { callEngine, findEngineObject, readEngineErrorStatus, readEngineErrorText, removeContainer } from './engine.ts';
import {
  type ContainerNaming,
  createSandboxLabels,
  isPooled,
  parseContainerInfo,
  parseSandboxInfo,
  workspaceLabel,
} from './labels.ts';
import { mayHaveServicesLabel } from './services/services.ts';
import { usesHostKernel } from './strict-runtime.ts';
import { type UserIdAllocator, userLabel } from './users.ts';
import { type DockerVolumes, toEngineVolumeName } from './volumes.ts';
import { changeWorkspaceOwner } from './workspace-owner.ts';

export interface CreatedResources {
  containerId: string | undefined;
  /** The create request in flight. Abandoning it could orphan a container. */
  creating?: Promise<unknown>;
}
export interface ContainerContext {
  readonly engine: Dockerode;
  readonly folders: SandboxFolders;
  readonly holds: SandboxEndpointRegistry;
  readonly instance: string;
  readonly names: ContainerNaming;
  readonly labels: Readonly<Record<string, string>>;
  readonly runtime: string | undefined;
  readonly users: UserIdAllocator;
  readonly volumes: DockerVolumes;
}
interface ContainerStart extends ContainerContext {
  readonly created: CreatedResources;
  /** Requested early, so that the sandbox starts sooner. */
  readonly freshUser: Promise<number>;
  readonly token: string;
  readonly name: string;
  /** `user` is undefined while the workspace has no files. */
  readonly workspace: WorkspaceVolume;
  readonly image: string;
  readonly pool?: Readonly<Record<string, string>>;
  readonly body?: (request: ContainerRequest) => Dockerode.ContainerCreateOptions;
}
export interface WorkspaceVolume {
  readonly volume: string;
  readonly user?: number;
}
export interface StartedContainer {
  readonly info: SandboxInfo;
  readonly end: SandboxEndpoint;
}

export async function startContainer(
  place: ContainerStart,
  spec: SandboxSpec,
  signal: AbortSignal,
): Promise<StartedContainer> {
  const { engine, folders, holds, instance, name, image } = place;
  // Not awaited yet: the sandbox's folder is prepared during this lookup.
  let user = userFor(place, place.workspace, signal);
  user.catch(() => {});
  const meta = await folders.prepare({ driver: 'docker', instance, ...toSandboxInfoFields(spec), token: place.token });
  await (place.pool ? holds.listen(spec.id) : holds.open(spec.id));
  const own = {
    ...createSandboxLabels(spec, instance, place.labels),
    ...(spec.services?.length && { [mayHaveServicesLabel]: String(spec.services.length) }),
    ...place.pool,
  };
  const token = new Secret(meta.token);
  await place.volumes.check(spec, signal);
  const volumeNames = (spec.volumes ?? []).map(({ volume }) => toEngineVolumeName(instance, volume));
  const request = { spec, name, image, token, mount: folders.mount(spec.id), runtime: place.runtime, volumeNames };

  let { workspace } = place;
  for (let lost = 0; ; ) {
    const uid = await user;
    const labels = { ...own, [userLabel]: String(uid) };
    const body = (place.body ?? createSandboxBody)({ ...request, labels, user: uid, volume: workspace.volume });
    // If the response was lost, `adopt` finds a container that the request created.
    const id = await create(engine, body, place.created, signal).catch((error) => {
      lost += 1;
      if (error.code !== 'driver_unavailable' || lost > 1) throw error;
      return undefined;
    });
    if (id !== undefined) {
      place.created.containerId = id;
      const isFresh = workspace.user === undefined;
      await start(place, { id, spec, token, user: uid, isFresh }, signal);
      const info = parseSandboxInfo(labels, 'ready');
      if (info) return { info, end: await holds.hold(spec.id, id) };
    }
    const taken = await adopt(place, spec, token, signal);
    if (taken) return taken;
    await sleep(25, signal);
    workspace = toWorkspaceVolume(await readWorkspacePointer(engine, name, signal), place);
    user = userFor(place, workspace, signal);
  }
}

async function userFor(
  { users, freshUser, image }: ContainerStart,
  workspace: WorkspaceVolume,
  signal: AbortSignal,
): Promise<number> {
  const user = workspace.user ?? (await freshUser);
  await users.checkImage(user, image, signal);
  return user;
}

export const toWorkspaceVolume = (
  pointer: WorkspacePointer | undefined,
  { name, users }: { readonly name: string; readonly users: UserIdAllocator },
): WorkspaceVolume =>
  pointer ? { volume: pointer.workspace ?? name, user: users.ofWorkspace(pointer.labels) } : { volume: name };

async function create(
  engine: Dockerode,
  body: Dockerode.ContainerCreateOptions,
  createdResources: CreatedResources,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, ...rest } = body;
  // dockerode would put a combined object, with all environment variables, into the URL, which is logged.
  const options = { _query: { name }, _body: rest } as Dockerode.ContainerCreateOptions;
  const request = () => {
    const creating = engine.createContainer(options);
    createdResources.creating = creating.catch(() => {});
    return creating;
  };
  try {
    return (await callEngine(signal, request)).id;
  } catch (error) {
    if (readEngineErrorStatus(error) === 409) return undefined;
    if (readEngineErrorStatus(error) === 404) {
      throw new AppError('image_missing', `The image is missing: ${readEngineErrorText(error)}`, { cause: error });
    }
    throw error;
  }
}

interface ContainerToStart {
  readonly id: string;
  readonly spec: SandboxSpec;
  readonly token: Secret;
  readonly user: number;
  readonly isFresh: boolean;
}

/** Accepts 304 (already running), which dockerode reports as an error. */
async function start(
  { engine, folders, users, volumes, image, runtime }: ContainerStart,
  { id, spec, token, user, isFresh }: ContainerToStart,
  signal: AbortSignal,
): Promise<void> {
  const ownWorkspace = async () => {
    if (isFresh) await orOnceMore(() => changeWorkspaceOwner(engine, { id, user }, signal));
  };
  const ownsLate = usesHostKernel(runtime);
  await Promise.all([
    folders.handOver(spec.id, id, token),
    volumes.give(spec.volumes ?? [], { container: id, image, user }, signal),
    ownsLate || ownWorkspace(),
  ]);
  const begin = () =>
    callEngine(signal, () => engine.getContainer(id).start({ abortSignal: signal })).catch((error) => {
      if (readEngineErrorStatus(error) !== 304) throw error;
    });
  const starting = orOnceMore(begin);
  // Wait for all three even if one fails, so that the caller never removes a container that is still starting.
  const owned = ownsLate && starting.then(ownWorkspace);
  const ends = await Promise.allSettled([users.checkAlone(user, id, signal), starting, owned]);
  for (const it of ends) if (it.status === 'rejected') throw it.reason;
}

function orOnceMore<Value>(request: () => Promise<Value>): Promise<Value> {
  return request().catch((error) => {
    if (error.code !== 'driver_unavailable') throw error;
    return request();
  });
}

async function adopt(
  place: ContainerStart,
  spec: SandboxSpec,
  token: Secret,
  signal: AbortSignal,
): Promise<StartedContainer | undefined> {
  const { engine, folders, holds, instance, names, name } = place;
  const found = await findEngineObject(signal, () => engine.getContainer(name).inspect({ abortSignal: signal }));
  if (!found) return undefined;
  const { Labels = {}, Env = [] } = found.Config;
  const pointer = isPooled(Labels) ? await readWorkspacePointer(engine, name, signal) : undefined;
  const info = parseContainerInfo(names, { name, labels: Labels, pointer: pointer?.labels }, 'ready');
  if (info?.sessionId !== spec.sessionId || Labels['corral.owner-instance'] !== instance) {
    const advice = 'Remove it, or give this installation another name.';
    throw new AppError('sandbox_unavailable', `Another program's container has the name ${name}. ${advice}`);
  }
  if (info.epoch > spec.epoch)
    throw new AppError('fenced', 'Another server has taken over this session and its sandbox.');
  if (isPooled(Labels)) return await adoptClaimed(place, spec, found, signal);
  const { Running, Paused, Status } = found.State;
  const reachable = knows(Env, token) && found.Mounts.some(({ Source }) => Source === folders.mount(spec.id));
  if (!reachable || (!Running && Status !== 'created')) {
    await removeContainer(engine, found.Id, instance, signal);
    return undefined;
  }
  if (Paused) await callEngine(signal, () => engine.getContainer(found.Id).unpause({ abortSignal: signal }));
  if (!Running) {
    place.created.containerId = found.Id;
    const user = place.users.ofWorkspace(Labels);
    const isFresh = place.workspace.user === undefined;
    await start(place, { id: found.Id, spec, token, user, isFresh }, signal);
  }
  return { info, end: await holds.hold(spec.id, found.Id) };
}

/** Older servers put the token itself into the environment, not its hash. */
function knows(env: readonly string[], token: Secret): boolean {
  return [hashDaemonToken(token), token.reveal()].some((it) => env.includes(`CORRAL_SANDBOXD_TOKEN=${it}`));
}

async function adoptClaimed(
  { engine, folders, holds, instance, labels, name }: ContainerStart,
  spec: SandboxSpec,
  found: Dockerode.ContainerInspectInfo,
  signal: AbortSignal,
): Promise<StartedContainer | undefined> {
  const { id, sessionId } = spec;
  const own = parseSandboxInfo(found.Config.Labels, 'ready');
  if (!own) return undefined;
  const reply = await writeWorkspacePointer(
    { engine, name, labels: createSandboxLabels(spec, instance, labels), found },
    signal,
  );
  const token = (await folders.read(own.id))?.token;
  const reachable = found.State.Running && token !== undefined && knows(found.Config.Env, new Secret(token));
  if (!reachable) {
    await removeContainer(engine, found.Id, instance, signal);
    await holds.release(own.id, new AppError('sandbox_lost', 'The sandbox was replaced.'));
    await folders.remove(own.id);
    return undefined;
  }
  if (found.State.Paused)
    await callEngine(signal, () => engine.getContainer(found.Id).unpause({ abortSignal: signal }));
  await holds.release(id, new AppError('sandbox_lost', 'Another request has already started this sandbox.'));
  await folders.remove(id);
  const end = await holds.hold(own.id, found.Id, { id, sessionId });
  await end.takeEgress();
  return { info: { ...own, ...parseSandboxInfo(reply, 'ready'), id, sessionId }, end };
}

interface WorkspacePointer {
  readonly labels: Readonly<Record<string, string>>;
  readonly workspace: string | undefined;
}
interface VolumeClaim {
  readonly engine: Dockerode;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly found: Dockerode.ContainerInspectInfo;
}

export async function readWorkspacePointer(
  engine: Dockerode,
  name: string,
  signal: AbortSignal,
): Promise<WorkspacePointer | undefined> {
  const found = await findEngineObject(signal, () => engine.getVolume(name).inspect({ abortSignal: signal }));
  return found && { labels: found.Labels ?? {}, workspace: found.Labels?.[workspaceLabel] };
}

/**
 * Docker cannot rename volumes, so an empty volume with the session's name points to the real one. Keeps an existing
 * pointer. Resolves with the pointer's labels.
 */
export async function writeWorkspacePointer(
  { engine, name, labels, found }: VolumeClaim,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const volume = workspaceVolumeOf(found);
  const user = found.Config.Labels?.[userLabel];
  const reply = { ...labels, [workspaceLabel]: volume, ...(user !== undefined && { [userLabel]: user }) };
  const requested = { Name: name, Driver: 'local', Labels: reply };
  const request = { _query: {}, _body: requested, abortSignal: signal };
  await callEngine(signal, () => engine.createVolume(request as object));
  return (await readWorkspacePointer(engine, name, signal))?.labels ?? {};
}

export const workspaceVolumeOf = ({ Mounts }: Pick<Dockerode.ContainerInspectInfo, 'Mounts'>): string =>
  Mounts.find(({ Destination }) => Destination === '/workspace')?.Name ?? '';
