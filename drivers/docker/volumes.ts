import { once } from 'node:events';
import type Dockerode from 'dockerode';
import { AppError } from '../../src/core/errors/errors.ts';
import { VolumeId } from '../../src/core/model/ids.ts';
import type { MountedVolume, SandboxSpec, VolumeHost } from '../driver.ts';
import { createIsolationConfig, detachedStreams } from './create-body.ts';
import { callEngine, findEngineObject, removeContainer, removeVolume } from './engine.ts';
import { createInstanceFilter } from './labels.ts';

const volumeLabel = 'corral.volume';
const headerBytes = 512;
const helperLimits = { memoryBytes: 128 * 2 ** 20, cpus: 1, pids: 32 };
const helperPath = '/volume';

export const toEngineVolumeName = (instance: string, id: VolumeId): string => `corral-${instance}-${id}`;

interface Options {
  readonly engine: Dockerode;
  readonly instance: string;
  readonly labels: Readonly<Record<string, string>>;
}
interface NewOwner {
  readonly container: string;
  readonly image: string;
  readonly user: number;
}
export interface DockerVolumes extends VolumeHost {
  /** Rejects with sandbox_unavailable if a volume is gone; the engine would silently create an empty one. */
  check(spec: Pick<SandboxSpec, 'volumes'>, signal: AbortSignal): Promise<void>;
  give(volumes: readonly MountedVolume[], to: NewOwner, signal: AbortSignal): Promise<void>;
}

export function openDockerVolumes({ engine, instance, labels }: Options): DockerVolumes {
  const nameOf = (id: VolumeId) => toEngineVolumeName(instance, id);
  const helperOf = (id: VolumeId) => `${nameOf(id)}-owner`;
  const inspect = (id: VolumeId, signal: AbortSignal) =>
    findEngineObject(signal, () => engine.getVolume(nameOf(id)).inspect({ abortSignal: signal }));
  const isOurs = (found: Dockerode.VolumeInspectInfo | undefined) =>
    found?.Labels?.['corral.owner-instance'] === instance;

  /** `chown -R` changes the folder itself last, so an interrupted change is detected and repeated. */
  async function chownVolume(id: VolumeId, { image, user }: NewOwner, signal: AbortSignal): Promise<void> {
    const name = helperOf(id);
    await removeContainer(engine, name, instance, signal);
    const body = {
      Image: image,
      User: '0:0',
      Entrypoint: ['chown'],
      Cmd: ['-hRP', `${user}:${user}`, helperPath],
      Labels: { ...labels, 'corral.owner-instance': instance },
      ...detachedStreams,
      HostConfig: {
        ...createIsolationConfig(helperLimits),
        CapAdd: ['CHOWN', 'DAC_READ_SEARCH'],
        NetworkMode: 'none',
        Mounts: [{ Type: 'volume', Source: nameOf(id), Target: helperPath, VolumeOptions: { NoCopy: true } }],
      },
    };
    const options = { _query: { name }, _body: body } as object;
    try {
      const helper = await callEngine(signal, () => engine.createContainer(options));
      await callEngine(signal, () => helper.start({ abortSignal: signal }));
      const { StatusCode } = await callEngine(signal, () => helper.wait({ abortSignal: signal }));
      if (StatusCode === 0) return;
      const why = `The volume could not be assigned to user ${user} (chown: ${StatusCode}).`;
      throw new AppError('sandbox_unavailable', `${why} The image ${image} needs the program chown.`);
    } finally {
      await removeContainer(engine, name, instance, AbortSignal.timeout(10_000)).catch(() => {});
    }
  }

  async function readOwner(container: string, path: string, signal: AbortSignal): Promise<number> {
    const requested = { path: `${path}/.`, abortSignal: signal };
    const archive = await callEngine(signal, () => engine.getContainer(container).getArchive(requested));
    try {
      let header = Buffer.alloc(0);
      archive.on('data', (chunk: Buffer) => {
        if (header.length < headerBytes) header = Buffer.concat([header, chunk]);
      });
      while (header.length < headerBytes) await once(archive, 'data', { signal });
      return Number.parseInt(header.toString('latin1', 108, 116), 8);
    } finally {
      archive.on('error', () => {});
      (archive as NodeJS.ReadableStream & { destroy(): void }).destroy();
    }
  }

  return {
    async makeVolume(id, { signal }) {
      const own = { ...labels, 'corral.owner-instance': instance, [volumeLabel]: id };
      const requested = { Name: nameOf(id), Driver: 'local', Labels: own };
      await callEngine(signal, () =>
        engine.createVolume({ _query: {}, _body: requested, abortSignal: signal } as object),
      );
      if (isOurs(await inspect(id, signal))) return;
      throw new AppError('conflict', `Another program's volume has the name ${nameOf(id)}. Remove that volume.`);
    },
    async volumes({ signal }) {
      const filters = { filters: { label: [createInstanceFilter(instance), volumeLabel] }, abortSignal: signal };
      const { Volumes } = await callEngine(signal, () => engine.listVolumes(filters as object));
      return (Volumes ?? []).flatMap(({ Labels }) => VolumeId.safeParse(Labels?.[volumeLabel]).data ?? []);
    },
    async removeVolume(id, { signal }) {
      const found = await inspect(id, signal);
      if (!isOurs(found)) return;
      await removeContainer(engine, helperOf(id), instance, signal);
      const busy = 'A sandbox has the volume mounted. Delete its session first.';
      await removeVolume(engine, nameOf(id), signal, (cause) => new AppError('conflict', busy, { cause }));
    },
    async check({ volumes = [] }, signal) {
      const found = await Promise.all(volumes.map(({ volume }) => inspect(volume, signal)));
      const at = found.findIndex((one) => !isOurs(one));
      const gone = volumes[at];
      if (gone) throw new AppError('sandbox_unavailable', `The volume ${gone.volume} at ${gone.path} is gone.`);
    },
    async give(volumes, to, signal) {
      for (const { volume, path, access } of volumes) {
        if (access !== 'write' || (await readOwner(to.container, path, signal)) === to.user) continue;
        await chownVolume(volume, to, signal);
      }
    },
  };
}
