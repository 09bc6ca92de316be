import type Dockerode from 'dockerode';
import { callEngine, findEngineObject } from './engine.ts';
import { workspaceLabel } from './labels.ts';
import { userLabel } from './users.ts';

export interface WorkspacePointer {
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
 * Creates the volume that points from the session's name to the claimed container's files, because Docker cannot rename volumes.
 * Resolves with the volume's labels, which are another call's if that call created the volume first.
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
  return (await readWorkspacePointer(engine, name, signal))?.labels ?? {}; // Docker keeps the labels of the first create request
}

export const workspaceVolumeOf = ({ Mounts }: Pick<Dockerode.ContainerInspectInfo, 'Mounts'>): string =>
  Mounts.find(({ Destination }) => Destination === '/workspace')?.Name ?? '';
