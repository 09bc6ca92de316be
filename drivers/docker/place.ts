import type Dockerode from 'dockerode';
import { pause } from '../../src/core/cancel.ts';
import { AppError } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';
import type { SandboxInfo, SandboxSpec } from '../driver.ts';
import { type Folders, labelsOf } from '../shared/folders.ts';
import type { Holds } from '../shared/holds.ts';
import type { SandboxEnd } from '../shared/sandbox-end.ts';
import { createBody } from './create-body.ts';
import { ask, askFor, statusOf, textOf } from './engine.ts';
import { infoFrom, labelsFor } from './labels.ts';
import { removeContainer } from './remove.ts';

/** What a call has to take away again when it fails. */
export interface Made {
  containerId: string | undefined;
}
interface Place {
  readonly made: Made;
  readonly engine: Dockerode;
  readonly folders: Folders;
  readonly holds: Holds;
  readonly instance: string;
  readonly labels: Readonly<Record<string, string>>;
  /** For a new sandbox; one that is there keeps its own. */
  readonly token: string;
  readonly name: string;
  readonly image: string;
}
interface Placed {
  readonly info: SandboxInfo;
  readonly end: SandboxEnd;
}

/** Makes the sandbox's container and starts it, or takes over the one that has its name already. */
export async function placeContainer(place: Place, spec: SandboxSpec, signal: AbortSignal): Promise<Placed> {
  const { engine, folders, holds, instance, name, image } = place;
  const meta = await folders.prepare({ driver: 'docker', instance, ...labelsOf(spec), token: place.token });
  await holds.open(spec.id);
  const labels = labelsFor(spec, instance, place.labels);
  const token = new Secret(meta.token);
  const body = createBody({ spec, name, image, labels, token, mount: folders.mount(spec.id) });

  for (let lost = 0; ; ) {
    // When the answer is lost, whoever has the name now tells what became of the call.
    const id = await create(engine, body, signal).catch((error) => {
      lost += 1;
      if (error.code !== 'driver_unavailable' || lost > 1) throw error;
      return undefined;
    });
    if (id !== undefined) {
      place.made.containerId = id;
      await start(engine, id, signal);
      const info = infoFrom(labels, 'ready');
      if (info) return { info, end: await holds.hold(spec.id, id) };
    }
    const taken = await adopt(place, spec, token, signal);
    if (taken) return taken;
    await pause(25, signal); // the name is free again, or its container is not there yet
  }
}

/** Undefined: the name is taken. */
async function create(
  engine: Dockerode,
  body: Dockerode.ContainerCreateOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, ...rest } = body;
  // Told apart, or dockerode would put all of it into the address too, where logs show the token.
  const options = { _query: { name }, _body: rest, abortSignal: signal } as Dockerode.ContainerCreateOptions;
  try {
    return (await ask(signal, () => engine.createContainer(options))).id;
  } catch (error) {
    if (statusOf(error) === 409) return undefined;
    if (statusOf(error) === 404) {
      throw new AppError('image_missing', `The image is missing: ${textOf(error)}`, { cause: error });
    }
    throw error;
  }
}

/** 304, which dockerode takes for an error, means that it runs already. */
async function start(engine: Dockerode, id: string, signal: AbortSignal): Promise<void> {
  await ask(signal, () => engine.getContainer(id).start({ abortSignal: signal })).catch((error) => {
    if (statusOf(error) !== 304) throw error;
  });
}

/** Undefined: there is none, or none any more, and the name may be used. */
async function adopt(place: Place, spec: SandboxSpec, token: Secret, signal: AbortSignal): Promise<Placed | undefined> {
  const { engine, folders, holds, instance, name } = place;
  const found = await askFor(signal, () => engine.getContainer(name).inspect({ abortSignal: signal }));
  if (!found) return undefined;
  const { Labels = {}, Env = [] } = found.Config;
  const info = infoFrom(Labels, 'ready');
  if (info?.sessionId !== spec.sessionId || Labels['corral.owner-instance'] !== instance) {
    const advice = 'Remove it, or give this installation another name.';
    throw new AppError('sandbox_unavailable', `A container that is not ours has the name ${name}. ${advice}`);
  }
  if (info.epoch > spec.epoch) throw new AppError('fenced', 'A newer owner of this session has its sandbox.');
  const { Running, Paused, Status } = found.State;
  const reachable =
    Env.includes(`CORRAL_SANDBOXD_TOKEN=${token.reveal()}`) &&
    found.Mounts.some(({ Source }) => Source === folders.mount(spec.id));
  if (!reachable || (!Running && Status !== 'created')) {
    await removeContainer(engine, found.Id, instance, signal); // its workspace stays
    return undefined;
  }
  if (Paused) await ask(signal, () => engine.getContainer(found.Id).unpause({ abortSignal: signal }));
  if (!Running) {
    place.made.containerId = found.Id;
    await start(engine, found.Id, signal);
  }
  return { info, end: await holds.hold(spec.id, found.Id) };
}
