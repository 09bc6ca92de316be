import type Dockerode from 'dockerode';
import { raceAbort } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import type { BuildContext, BundledImage } from '../descriptor.ts';
import type { CallOptions, ProvisionProgress } from '../driver.ts';
import { SingleFlight } from '../shared/pool/single-flight.ts';
import { callEngine, findEngineObject, readEngineErrorStatus, readEngineErrorText } from './engine.ts';

export interface BuildableImage extends BundledImage {
  readonly buildNetwork: string;
}
type ProgressListener = (news: ProvisionProgress) => void;

export interface EngineImages extends AsyncDisposable {
  /** Builds or pulls a missing image. Resolves with the image reference to run. Rejects with image_missing. */
  ensure(name: string, call: CallOptions, tell?: ProgressListener): Promise<string>;
}

export function openEngineImages(engine: Dockerode, ours: readonly BuildableImage[]): EngineImages {
  const gettings = new SingleFlight<void>();
  const listeners = new Map<string, Set<ProgressListener>>();
  const newest = new Map<string, ProvisionProgress>();
  const contexts = new Map<BuildableImage, Promise<BuildContext>>();

  async function loadContext(image: BuildableImage, signal: AbortSignal): Promise<BuildContext> {
    const context = contexts.get(image) ?? image.context();
    contexts.set(image, context);
    try {
      return await raceAbort(context, signal);
    } catch (error) {
      if (!signal.aborted) contexts.delete(image);
      throw error;
    }
  }

  async function follow(stream: NodeJS.ReadableStream, image: string, tell: ProgressListener): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const finished = (error: Error | null) => (error ? reject(error) : resolve());
    const layers = pulledLayers();
    engine.modem.followProgress(stream, finished, (line: Progress) => {
      if (line.error !== undefined) reject(new AppError('image_missing', `${image}: ${line.error.trim()}`));
      const detail = line.stream === undefined ? layers.onProgress(line) : builtLayer(line.stream);
      if (detail) tell({ phase: 'image', detail });
    });
    return promise;
  }

  async function build(
    tag: string,
    buildContext: BuildContext,
    buildNetwork: string,
    signal: AbortSignal,
  ): Promise<void> {
    const tell = teller(tag);
    tell({ phase: 'image', detail: `Building ${tag}` });
    const context = { context: buildContext.folder, src: [...buildContext.files] };
    const step = (options: object) => {
      const all = { networkmode: buildNetwork, forcerm: true, abortSignal: signal, ...options };
      return callEngine(signal, async () => follow(await engine.buildImage(context, all), tag, tell));
    };
    const { on } = buildContext;
    if (on && !(await isHere(on.tag, signal))) await step({ t: on.tag, target: on.stage });
    await step({ t: tag, ...(on && { dockerfile: on.dockerfile, buildargs: { TOOLS: on.tag } }) });
  }

  async function pull(name: string, signal: AbortSignal): Promise<void> {
    const tell = teller(name);
    tell({ phase: 'image', detail: `Pulling ${name}` });
    try {
      const stream = () => engine.pull(withTag(name), { abortSignal: signal });
      await callEngine(signal, async () => follow(await stream(), name, tell));
    } catch (cause) {
      // The engine returns an HTTP error if the registry refuses the pull or is unreachable.
      if (readEngineErrorStatus(cause) === undefined) throw cause;
      throw new AppError('image_missing', `The image ${name} could not be pulled: ${readEngineErrorText(cause)}`, {
        cause,
      });
    }
  }

  const teller = (tag: string) => (news: ProvisionProgress) => {
    newest.set(tag, news);
    for (const tell of listeners.get(tag) ?? []) tell(news);
  };

  const isHere = async (ref: string, signal: AbortSignal) =>
    (await findEngineObject(signal, () => engine.getImage(ref).inspect())) !== undefined;

  return {
    async ensure(name, call, tell = () => {}) {
      const standard = ours.find((image) => image.name === name);
      const created = standard && (await loadContext(standard, call.signal));
      const ref = created ? `${name}:${created.hash.slice(0, 12)}` : name;
      if (await isHere(ref, call.signal)) return ref;
      if (isBuilt(ref)) throw new AppError('image_missing', goneText);
      const hearing = listeners.get(ref) ?? new Set();
      listeners.set(ref, hearing.add(tell));
      const soFar = newest.get(ref);
      if (soFar) tell(soFar);
      try {
        await gettings.join(ref, call, ({ signal }) =>
          created && standard ? build(ref, created, standard.buildNetwork, signal) : pull(ref, signal),
        );
      } finally {
        hearing.delete(tell);
        if (hearing.size === 0) {
          listeners.delete(ref);
          newest.delete(ref);
        }
      }
      if (await isHere(ref, call.signal)) return ref;
      throw new AppError('image_missing', `The image ${ref} was built or pulled, but the engine does not have it.`);
    },
    [Symbol.asyncDispose]: () => gettings[Symbol.asyncDispose](),
  };
}

/** Never pulled, because a registry's image with this prefix is not ours. */
export const builtImagePrefix = 'corral-built/';
const isBuilt = (name: string) => name.startsWith(builtImagePrefix);
const goneText =
  'The image of the template no longer exists, so no sandbox can start from it. Build the template again, then create a new sandbox.';

interface Progress {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
}

function builtLayer(text: string): string | undefined {
  const [, at, all, what = ''] = /^Step (\d+)\/(\d+) : ([\s\S]*)/.exec(text) ?? [];
  return at && `layer ${at} of ${all}: ${what.trim().replaceAll(/\s+/g, ' ').slice(0, 200)}`;
}

function pulledLayers() {
  const done = new Map<string, boolean>();
  return {
    onProgress({ status, id }: Progress): string | undefined {
      const state = id === undefined ? undefined : layerStates[status ?? ''];
      if (id === undefined || state === undefined) return id === undefined ? status?.trim() : undefined;
      if (done.get(id) === state) return undefined;
      done.set(id, state);
      const ready = [...done.values()].filter(Boolean).length;
      return `layer ${ready} of ${done.size}`;
    },
  };
}
const layerStates: Readonly<Record<string, boolean>> = {
  'Pulling fs layer': false,
  Waiting: false,
  Downloading: false,
  'Already exists': true,
  'Pull complete': true,
};

// Without a tag, the engine pulls every tag of the image.
const withTag = (name: string) =>
  name.includes('@') || name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`;
