import { stat } from 'node:fs/promises';
import type { Clock } from '../../src/core/contracts/clock.ts';
import type { SandboxId } from '../../src/core/model/ids.ts';
import type { SandboxInfo } from '../driver.ts';
import { callEngine } from './engine.ts';
import { createInstanceFilter, isPooled, parseContainerInfo, parseSandboxInfo } from './labels.ts';
import { serviceNameLabel } from './services/services.ts';
import type { ContainerContext } from './start-container.ts';

interface Options extends Pick<ContainerContext, 'engine' | 'instance' | 'names' | 'folders'> {
  readonly clock: Clock;
  readonly hasReplicas: boolean;
  readonly isStarting: (id: SandboxId) => boolean;
  readonly warming: ReadonlySet<SandboxId>;
}

/** Milliseconds after which a folder without a container is a leftover. */
const startMs = 5_000;

/** Includes leftovers of failed starts and removals. Omits builds and unclaimed sandboxes. */
export function createSandboxLister(options: Options): (signal: AbortSignal) => Promise<SandboxInfo[]> {
  const { engine, instance, names, folders, clock, hasReplicas, isStarting, warming } = options;

  const isRecent = async (id: SandboxId) => {
    const found = await stat(folders.home(id)).catch(() => undefined);
    return found !== undefined && clock.now() - found.mtimeMs < startMs;
  };

  /** Undefined if the folder is gone or not ours, or another server could be starting the sandbox. */
  async function leftIn(id: SandboxId, phase: 'starting' | 'stopped'): Promise<SandboxInfo | undefined> {
    if (hasReplicas && phase === 'stopped' && (await isRecent(id))) return undefined;
    const labels = await folders.labels(id, { driver: 'docker', instance });
    return labels && { ...labels, phase };
  }

  return async (signal) => {
    const mine = { filters: { label: [createInstanceFilter(instance)] }, abortSignal: signal };
    // Read the folders before the containers: otherwise, a folder created in between would look like a leftover.
    const own = (await folders.ids()).filter((id) => !warming.has(id));
    const starting = new Set(own.filter(isStarting));
    const all = await callEngine(signal, () => engine.listContainers({ all: true, ...mine }));
    const containers = all.filter(({ Labels }) => Labels[serviceNameLabel] === undefined);
    const beside = all.filter(({ Labels }) => Labels[serviceNameLabel] !== undefined);
    const { Volumes } = await callEngine(signal, () => engine.listVolumes(mine as object));
    const volumes = Volumes ?? [];
    const pointers = new Map(volumes.map(({ Name, Labels }) => [Name, Labels]));
    const live = containers.flatMap(({ Names: [value = ''], Labels, State }) => {
      const name = value.replace(/^\//, '');
      if (names.buildIn(name) !== undefined) return [];
      const body = { name, labels: Labels, pointer: pointers.get(name) };
      const info = parseContainerInfo(names, body, phases[State] ?? 'exited');
      if (!info) return [];
      return info.phase === 'ready' && isStarting(info.id) ? { ...info, phase: 'starting' as const } : info;
    });
    // A service without its sandbox is listed as an exited sandbox, so the reconciler removes it.
    for (const { Labels } of beside) {
      const info = parseSandboxInfo(Labels, 'exited');
      if (info && !live.some(({ id }) => id === info.id)) live.push(info);
    }
    const taken = new Set<string | undefined>(live.map(({ id }) => id));
    const kept = volumes
      .flatMap(({ Labels }) => (isPooled(Labels) ? [] : (parseSandboxInfo(Labels, 'stopped') ?? [])))
      .filter(({ id }) => !taken.has(id));
    for (const { Labels } of [...containers, ...volumes]) taken.add(Labels?.['corral.sandbox']);
    const rest = own.filter((id) => !taken.has(id));
    const left = await Promise.all(rest.map((id) => leftIn(id, starting.has(id) ? 'starting' : 'stopped')));
    return [...live, ...kept, ...left.filter((info) => info !== undefined)];
  };
}

const phases: Readonly<Record<string, SandboxInfo['phase']>> = {
  created: 'starting',
  running: 'ready',
  restarting: 'starting',
  paused: 'paused',
};
