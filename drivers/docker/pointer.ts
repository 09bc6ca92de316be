import type Dockerode from 'dockerode';
import { ask, askFor } from './engine.ts';
import { workspaceLabel } from './labels.ts';
import { userLabel } from './users.ts';

/** What is said of a session's files by the volume that has the session's name. */
export interface Pointer {
  readonly labels: Readonly<Record<string, string>>;
  /** The volume with the files, where it is not this one. */
  readonly workspace: string | undefined;
}
interface Claim {
  readonly engine: Dockerode;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The container that was claimed. */
  readonly found: Dockerode.ContainerInspectInfo;
}

export async function pointerOf(engine: Dockerode, name: string, signal: AbortSignal): Promise<Pointer | undefined> {
  const found = await askFor(signal, () => engine.getVolume(name).inspect({ abortSignal: signal }));
  return found && { labels: found.Labels ?? {}, workspace: found.Labels?.[workspaceLabel] };
}

/**
 * Says whose the claimed container's files are, so that they are found without it: a volume cannot get another name.
 * Gives what is said, which is what the first one said.
 */
export async function point(
  { engine, name, labels, found }: Claim,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const volume = volumeOf(found);
  const user = found.Config.Labels?.[userLabel];
  const said = { ...labels, [workspaceLabel]: volume, ...(user !== undefined && { [userLabel]: user }) };
  const wanted = { Name: name, Driver: 'local', Labels: said };
  const request = { _query: {}, _body: wanted, abortSignal: signal };
  await ask(signal, () => engine.createVolume(request as object));
  return (await pointerOf(engine, name, signal))?.labels ?? {}; // the first one's, if there was one
}

/** The volume of a container's workspace. */
export const volumeOf = ({ Mounts }: Pick<Dockerode.ContainerInspectInfo, 'Mounts'>): string =>
  Mounts.find(({ Destination }) => Destination === '/workspace')?.Name ?? '';
