import { freemem } from 'node:os';
import type Dockerode from 'dockerode';
import { combineSignals } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import type { SandboxId } from '../../src/core/model/ids.ts';
import type { CallOptions, Poolable, SandboxInfo, SandboxSpec, WarmSandbox } from '../driver.ts';
import { waitForSandboxStart, waitUntilReachable } from '../shared/link/sandbox-endpoint.ts';
import { callEngine, findEngineObject, readEngineErrorStatus, removeContainer, removeVolume } from './engine.ts';
import type { EngineImages } from './images.ts';
import {
  type ContainerNaming,
  createInstanceFilter,
  createSandboxLabels,
  imageContentLabel,
  parseSandboxInfo,
  poolLabel,
  workspaceLabel,
} from './labels.ts';
import {
  type ContainerContext,
  type CreatedResources,
  readWorkspacePointer,
  type StartedContainer,
  workspaceVolumeOf,
  writeWorkspacePointer,
} from './start-container.ts';

interface Options extends ContainerContext {
  readonly images: EngineImages;
  readonly hasReplicas: boolean;
  readonly starting: Set<SandboxId>;
  place(
    name: string,
    image: string,
    pool: Readonly<Record<string, string>>,
    createdResources: CreatedResources,
  ): StartCall;
}
type StartCall = (spec: SandboxSpec, signal: AbortSignal) => Promise<StartedContainer>;

const cleanUpMs = 30_000;
const dialMs = 5_000; // a daemon needs up to 2 s to find and dial a new socket
const renameMs = 5_000;
const lost = (text: string) => new AppError('sandbox_lost', text);

/** A claim file decides which claim wins, because the engine accepts two concurrent renames. */
export function createDockerPool(options: Options): Poolable {
  const { engine, instance, names, labels, folders, holds, images, starting } = options;
  const waiting = new Set<SandboxId>();
  /** Sandboxes whose claim was unfinished at the last check. */
  let halfway = new Set<SandboxId>();
  const abandoned = new Set<SandboxId>();
  /** Volumes unused at the last check. Removed if still unused at the next check. */
  let idle = new Set<string>();
  const mine = { filters: { label: [createInstanceFilter(instance), poolLabel] } };

  /** Returns the content id and any configured runtime. A claim requires both to match. */
  async function readContentId(ref: string, signal: AbortSignal): Promise<string> {
    const { Id } = await callEngine(signal, () => engine.getImage(ref).inspect({ abortSignal: signal } as object));
    return options.runtime === undefined ? Id : `${Id} ${options.runtime}`;
  }

  async function rename(from: string, to: string, signal: AbortSignal): Promise<'done' | 'gone' | 'taken'> {
    const options = { _query: { name: to }, _body: {}, abortSignal: signal };
    try {
      await callEngine(signal, () => engine.getContainer(from).rename(options));
      return 'done';
    } catch (error) {
      if (readEngineErrorStatus(error) === 404) return 'gone';
      if (readEngineErrorStatus(error) === 409) return 'taken';
      throw error;
    }
  }

  /** Keeps the volume that has the session's name. */
  async function clear(id: SandboxId, container: string, signal: AbortSignal): Promise<void> {
    waiting.delete(id);
    await removeContainer(engine, container, instance, signal);
    await holds.release(id, lost('The sandbox was removed.'));
    await folders.remove(id);
    await removeVolume(engine, names.warm(id), signal);
  }

  async function undo(id: SandboxId, name: string): Promise<void> {
    const signal = AbortSignal.timeout(cleanUpMs);
    const byName = (it: string) =>
      findEngineObject(signal, () => engine.getContainer(it).inspect({ abortSignal: signal }));
    const found = (await byName(name)) ?? (await byName(names.warm(id)));
    if (parseSandboxInfo(found?.Config.Labels, 'ready')?.id !== id || !found) return;
    await clear(id, found.Id, signal);
    const pointer = await readWorkspacePointer(engine, name, signal);
    if (pointer?.workspace === names.warm(id)) await removeVolume(engine, name, signal);
  }

  async function finish(id: SandboxId, spec: SandboxSpec, signal: AbortSignal): Promise<SandboxInfo | 'gone'> {
    const name = names.of(spec.id);
    const container = engine.getContainer(name);
    const found = await callEngine(signal, () => container.inspect({ abortSignal: signal }));
    if (!found.State.Running) return 'gone';
    const hold = async () => {
      const end = await holds.hold(id, found.Id, { id: spec.id, sessionId: spec.sessionId });
      await end.takeEgress();
      await waitUntilReachable(end, combineSignals([signal, AbortSignal.timeout(dialMs)]));
    };
    const claim = { engine, name, labels: createSandboxLabels(spec, instance, labels), found };
    const [reply] = await Promise.all([writeWorkspacePointer(claim, signal), hold()]);
    const info = parseSandboxInfo(reply, 'ready');
    return reply[workspaceLabel] === workspaceVolumeOf(found) && info ? info : 'gone';
  }

  /** Removes pool volumes that no container or session uses now or used at the last check. */
  async function sweep(bodies: readonly Dockerode.ContainerInfo[], volumes: readonly Volume[], signal: AbortSignal) {
    const used = new Set(bodies.map(({ Labels }) => Labels['corral.sandbox']));
    const pointed = new Set(volumes.map(({ Labels }) => Labels?.[workspaceLabel]));
    const unused = volumes.filter(
      ({ Name, Labels }) => Labels?.[poolLabel] && !used.has(Labels['corral.sandbox']) && !pointed.has(Name),
    );
    for (const { Name } of unused.filter((it) => idle.has(it.Name))) {
      const id = names.warmIn(Name);
      if (id) await folders.remove(id);
      await removeVolume(engine, Name, signal);
    }
    idle = new Set(unused.map(({ Name }) => Name));
  }

  async function listen(there: readonly WarmSandbox[], bodies: ReadonlyMap<SandboxId, string>): Promise<void> {
    const ready = new Set(there.filter(({ phase }) => phase === 'ready').map(({ id }) => id));
    for (const id of ready) {
      const body = bodies.get(id);
      if (!body || waiting.has(id)) continue;
      waiting.add(id);
      await holds.hold(id, body).catch(() => waiting.delete(id));
    }
    for (const id of waiting) {
      if (ready.has(id)) continue;
      waiting.delete(id);
      if (options.hasReplicas) await holds.rest(id);
    }
  }

  return {
    freeMemory: freemem,
    async imageNow(image, call) {
      return await readContentId(await images.ensure(image, call), call.signal);
    },

    async warm(spec, recipe, call) {
      const { id, image, epoch, expiresAt } = spec;
      const name = names.warm(id);
      const createdResources: CreatedResources = { containerId: undefined };
      starting.add(id);
      try {
        const ref = await images.ensure(image, call);
        const content = await readContentId(ref, call.signal);
        const place = options.place(name, ref, { [poolLabel]: recipe, [imageContentLabel]: content }, createdResources);
        const { end } = await place(spec, call.signal);
        await waitForSandboxStart(end, call.signal);
        waiting.add(id);
        return { id, recipe, content, epoch, phase: 'ready', expiresAt };
      } catch (error) {
        await createdResources.creating;
        await clear(id, name, AbortSignal.timeout(cleanUpMs)).catch(() => {});
        throw error;
      } finally {
        starting.delete(id);
      }
    },

    async unclaimed({ signal }) {
      const all = { filters: { label: [createInstanceFilter(instance)] }, abortSignal: signal };
      const { Volumes } = await callEngine(signal, () => engine.listVolumes(all as object));
      const bodies = await callEngine(signal, () => engine.listContainers({ all: true, ...mine, abortSignal: signal }));
      await sweep(bodies, Volumes ?? [], signal);
      const warm = bodies.flatMap((body) => warmFrom(names, body, starting) ?? []);
      const found = await withoutClaimed(warm);
      const bodyOf = new Map(bodies.map(({ Id, Labels }) => [Labels['corral.sandbox'] as SandboxId, Id]));
      await listen(found, bodyOf);
      return found;
    },

    async claim(id, spec, { signal }) {
      const name = names.of(spec.id);
      if (await readWorkspacePointer(engine, name, signal)) return 'known';
      if ((await folders.claim(id)) !== 'done') return 'gone';
      try {
        const renamed = await rename(names.warm(id), name, combineSignals([signal, AbortSignal.timeout(renameMs)]));
        if (renamed === 'gone') return 'gone';
        if (renamed === 'taken') {
          await folders.unclaim(id);
          return 'known';
        }
        waiting.delete(id);
        const info = await finish(id, spec, signal);
        if (info === 'gone') await undo(id, name);
        return info;
      } catch (error) {
        await undo(id, name).catch(() => {});
        if (signal.aborted || (error as AppError).code === 'driver_unavailable') throw error;
        return 'gone';
      }
    },

    async discard(id, { signal }: CallOptions) {
      if ((await folders.claim(id)) === 'taken' && !abandoned.has(id)) return;
      await clear(id, names.warm(id), signal);
    },
  };

  /** A claim that is unfinished at two consecutive checks counts as abandoned. */
  async function withoutClaimed(warm: readonly WarmSandbox[]): Promise<WarmSandbox[]> {
    const claims = await Promise.all(warm.map(({ id }) => folders.isClaimed(id)));
    const claimed = new Set(warm.filter((_, index) => claims[index]).map(({ id }) => id));
    abandoned.clear();
    for (const id of claimed) if (halfway.has(id)) abandoned.add(id);
    halfway = claimed;
    return warm.flatMap((it) => {
      if (!claimed.has(it.id)) return it;
      return abandoned.has(it.id) ? { ...it, phase: 'exited' as const } : [];
    });
  }
}

type Volume = Pick<Dockerode.VolumeInspectInfo, 'Name' | 'Labels'>;

function warmFrom(
  names: ContainerNaming,
  { Names: values, Labels, State }: Dockerode.ContainerInfo,
  starting: ReadonlySet<SandboxId>,
): WarmSandbox | undefined {
  const info = parseSandboxInfo(Labels, 'ready');
  const [name = ''] = values.map((it) => it.replace(/^\//, ''));
  if (!info || names.warmIn(name) === undefined) return undefined;
  const phase = starting.has(info.id) || State === 'created' ? 'starting' : State === 'running' ? 'ready' : 'exited';
  const { id, epoch, expiresAt } = info;
  return { id, recipe: Labels[poolLabel] ?? '', content: Labels[imageContentLabel] ?? '', epoch, phase, expiresAt };
}
