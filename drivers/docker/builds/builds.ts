import { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import type Dockerode from 'dockerode';
import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import { combineSignals, raceAbort, sleep } from '../../../src/core/concurrency/cancel.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { type IdSource, type SandboxId, sessionIdOf } from '../../../src/core/model/ids.ts';
import type { BuildCommand, BuiltImage, CallOptions, ImageBuilder } from '../../driver.ts';
import { waitForReachableLink, waitForSandboxStart, waitUntilReachable } from '../../shared/link/sandbox-endpoint.ts';
import { createSeccompProfile } from '../../shared/seccomp/oci.ts';
import { type ContainerRequest, createSandboxBody } from '../create-body.ts';
import { callEngine, findEngineObject, readEngineErrorStatus, removeContainer } from '../engine.ts';
import { builtImagePrefix, type EngineImages } from '../images.ts';
import { createInstanceFilter, parseSandboxInfo } from '../labels.ts';
import { type ContainerContext, type CreatedResources, startContainer } from '../start-container.ts';
import { usesHostKernel } from '../strict-runtime.ts';
import { imageUserId } from '../users.ts';

/** Package managers running as root need these capabilities, which affect only the container's files and processes. */
const buildCapabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETGID', 'SETUID'] as const;

/** Blocks inotify: a build runs as the host's root and could exhaust that user's limit. */
const buildSecurity = ['no-new-privileges', `seccomp=${createSeccompProfile(['inotify_init', 'inotify_init1'])}`];

/** The /proc entries that the engine masks by default, plus files that reveal host memory to root. */
const maskedPaths = [
  ...[
    'asound',
    'acpi',
    'interrupts',
    'kcore',
    'keys',
    'latency_stats',
    'timer_list',
    'timer_stats',
    'sched_debug',
    'scsi',
  ],
  ...['kpageflags', 'kpagecount', 'kpagecgroup', 'vmallocinfo', 'slabinfo', 'pagetypeinfo'],
].map((name) => `/proc/${name}`);

const scratch = '/home/agent';
const asImageUser = ['setpriv', `--reuid=${imageUserId}`, `--regid=${imageUserId}`, '--clear-groups', '--'];

/** The container has no workspace volume, because a committed image does not include volumes. */
export function createBuildBody(request: ContainerRequest, start: readonly string[]): ContainerCreateOptions {
  const body = createSandboxBody(request);
  const host = body.HostConfig as HostConfig;
  const { diskBytes } = request.spec.limits;
  const env = { CORRAL_WORKSPACE: scratch, CORRAL_WORKSPACE_ALIAS: scratch, HOME: `${scratch}/home` };
  const isReplaced = (pair: string) => pair.slice(0, pair.indexOf('=')) in env;
  return {
    ...body,
    // Commands get root's capabilities only if the container was started as root.
    User: '0:0',
    Entrypoint: [...asImageUser, ...start],
    Cmd: [],
    WorkingDir: '/',
    Env: [
      ...(body.Env ?? []).filter((pair) => !isReplaced(pair)),
      ...Object.entries(env).map((pair) => pair.join('=')),
    ],
    HostConfig: {
      ...host,
      CapAdd: [...buildCapabilities],
      SecurityOpt: buildSecurity,
      ReadonlyRootfs: false,
      MaskedPaths: [...maskedPaths, '/sys/firmware', '/sys/devices/virtual/powercap'],
      Mounts: (host.Mounts ?? []).filter(({ Type }) => Type === 'bind'),
      Ulimits: [
        ...(host.Ulimits ?? []),
        // The kernel enforces this limit for each file; the driver measures the total.
        { Name: 'fsize', Soft: diskBytes, Hard: diskBytes },
        // Lowered, because a build runs as the host's root, which has much higher limits.
        { Name: 'sigpending', Soft: 1_024, Hard: 1_024 },
        { Name: 'msgqueue', Soft: 65_536, Hard: 65_536 },
      ],
    },
  };
}

const users = { root: '0:0', user: `${imageUserId}:${imageUserId}` } as const;

/** Output beyond this limit is read slowly, so endless output cannot keep the server busy. */
const quickBytes = 16 * 2 ** 20;
const slowBytesPerMs = 2_048;

/** Resolves with the exit code. Runs in `/`, so the engine never follows a link in the container. */
async function runIn(
  engine: Dockerode,
  container: string,
  { argv, user, env, stdin, onOutput: onEvent }: BuildCommand,
  signal: AbortSignal,
): Promise<number> {
  const input = {
    Cmd: [...argv],
    User: users[user],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: '/',
    AttachStdin: stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
  };
  const exec = await callEngine(signal, () => engine.getContainer(container).exec(input));
  const stream = await callEngine(signal, () => exec.start({ hijack: true, stdin: stdin !== undefined }));
  const slow = new AbortController();
  let read = 0;
  const out = listener((text, bytes) => {
    onEvent(text);
    read += bytes;
    if (read <= quickBytes || stream.isPaused()) return;
    stream.pause();
    const resume = () => void stream.resume();
    sleep(bytes / slowBytesPerMs, slow.signal, systemClock).then(resume, resume);
  });
  const stop = () => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    engine.modem.demuxStream(stream, out, out);
    const ended = finished(stream, { writable: false }).catch(() => {});
    const fed = stdin && pipeline(stdin, stream, { end: true, signal });
    fed?.catch(() => {});
    await raceAbort(ended, signal);
    const { ExitCode, Running } = await callEngine(signal, () => exec.inspect());
    if (Running || ExitCode === null) throw new AppError('sandbox_lost', 'The container of the build ended.');
    return ExitCode;
  } finally {
    signal.removeEventListener('abort', stop);
    slow.abort();
    stream.destroy();
  }
}

function listener(onEvent: (text: string, bytes: number) => void): Writable {
  const decoder = new StringDecoder('utf8');
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      onEvent(decoder.write(chunk), chunk.length);
      done();
    },
  });
}

interface Options extends ContainerContext {
  readonly images: EngineImages;
  readonly ids: IdSource;
  readonly building: Set<SandboxId>;
}
const removeMs = 30_000;
/** Pause between measurements, in ms. A measurement takes longer for a larger build. */
const measureEveryMs = 3_000;

export function explainMissingBuildSupport({
  filtered,
  runtime,
}: {
  readonly filtered: boolean;
  readonly runtime: string | undefined;
}): string | undefined {
  if (filtered) {
    return 'the engine filter (CORRAL_DOCKER_SOCKETS_DIR) permits only sandboxes, and a build needs a writable root file system';
  }
  if (usesHostKernel(runtime)) return undefined;
  return `the engine cannot save the files of a container that uses the runtime ${runtime} (CORRAL_DOCKER_RUNTIME)`;
}

export function openImageBuilder(options: Options): ImageBuilder {
  const { engine, folders, holds, images, instance, names, building } = options;

  async function remove(id: SandboxId, signal: AbortSignal): Promise<void> {
    await removeContainer(engine, names.build(id), instance, signal);
    await holds.release(id, new AppError('sandbox_lost', 'The build has ended.'));
    await folders.remove(id);
    building.delete(id);
  }

  return {
    async startBuild(spec, call, news) {
      const { id } = spec;
      const { signal } = call;
      building.add(id);
      const createdResources: CreatedResources = { containerId: undefined };
      try {
        const image = await images.ensure(spec.image, call, news);
        const { Config: base } = await callEngine(signal, () => engine.getImage(image).inspect());
        const begins = [...listOf(base.Entrypoint), ...listOf(base.Cmd)];
        const place = {
          ...options,
          token: options.ids.token(),
          freshUser: Promise.resolve(imageUserId),
          name: names.build(id),
          image,
          created: createdResources,
          workspace: { volume: names.build(id), user: imageUserId },
          body: (request: ContainerRequest) => createBuildBody(request, begins),
        };
        const { end } = await startContainer(place, spec, signal);
        await waitForSandboxStart(end, signal);
        const container = createdResources.containerId;
        if (container === undefined) throw new AppError('sandbox_unavailable', 'A build with this id already exists.');
        return opened(container, base, spec.limits.diskBytes);
      } catch (thrown) {
        const until = AbortSignal.timeout(removeMs);
        if (createdResources.creating) await raceAbort(createdResources.creating, until).catch(() => {});
        await remove(id, until).catch(() => {});
        throw thrown;
      }

      function opened(container: string, base: Dockerode.ImageInspectInfo['Config'], most: number) {
        const over = new AbortController();
        const measured = measure(container, most, over);
        return {
          env: pairsOf(base.Env ?? []),
          async attach({ signal: until }: CallOptions) {
            const who = { id, sessionId: sessionIdOf(id) };
            const link = await holds.link(id, { body: container, workdir: '/workspace', role: 'holder', who });
            return await waitForReachableLink(link, waitUntilReachable(await holds.hold(id, container), until));
          },
          async run(command: BuildCommand, { signal: until }: CallOptions) {
            const running = runIn(engine, container, command, combineSignals([until, over.signal]));
            return await running.catch((thrown: unknown) => {
              throw over.signal.aborted ? over.signal.reason : thrown;
            });
          },
          async keep(image: BuiltImage, { signal: until }: CallOptions) {
            if (over.signal.aborted) throw over.signal.reason;
            await checkSize(container, most, until);
            await callEngine(until, () => engine.getContainer(container).kill({ abortSignal: until }));
            await commit(container, base, image, until);
          },
          async [Symbol.asyncDispose]() {
            over.abort(new AppError('sandbox_lost', 'The build has ended.'));
            await measured;
            await remove(id, AbortSignal.timeout(removeMs));
          },
        };
      }
    },

    async builtImages({ signal }) {
      const filters = { reference: [`${repository()}`] };
      const found = await callEngine(signal, () => engine.listImages({ filters, abortSignal: signal } as object));
      return found.flatMap(({ RepoTags }) => (RepoTags ?? []).filter((tag) => tag.startsWith(`${repository()}:`)));
    },

    async removeBuiltImage(name, { signal }) {
      const remover = () => engine.getImage(name).remove({ force: true, abortSignal: signal } as object);
      await callEngine(signal, remover).catch((error: unknown) => {
        if (readEngineErrorStatus(error) === 404) return;
        if (readEngineErrorStatus(error) !== 409) throw error;
        throw new AppError('conflict', 'A sandbox is still using this image. End it first.', { cause: error });
      });
    },

    async sweepBuilds(now, { signal }) {
      const filters = { label: [createInstanceFilter(instance)] };
      const all = await callEngine(signal, () => engine.listContainers({ all: true, filters, abortSignal: signal }));
      const left = all.flatMap(({ Names: [name = ''], Labels }) => {
        const id = names.buildIn(name);
        const expiresAt = parseSandboxInfo(Labels, 'ready')?.expiresAt ?? 0;
        return id === undefined || expiresAt > now ? [] : [id];
      });
      for (const id of left) await remove(id, signal);
      return left.length;
    },
  };

  function repository(): string {
    return `${builtImagePrefix}${instance}`;
  }

  async function measure(container: string, most: number, over: AbortController): Promise<void> {
    while (!over.signal.aborted) {
      await sleep(measureEveryMs, over.signal, systemClock).catch(() => {});
      if (over.signal.aborted) return;
      await checkSize(container, most, over.signal).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'quota') over.abort(error);
      });
    }
  }

  async function checkSize(container: string, most: number, signal: AbortSignal): Promise<void> {
    const options = { size: true, abortSignal: signal } as object;
    const found = (await findEngineObject(signal, () => engine.getContainer(container).inspect(options))) as
      | { SizeRw?: number }
      | undefined;
    if ((found?.SizeRw ?? 0) <= most) return;
    throw new AppError('quota', `The build wrote more than ${most} bytes, the disk limit of a sandbox.`);
  }

  /** Commits the container as the built image, with the build sandbox's own variables emptied. */
  async function commit(
    container: string,
    base: Dockerode.ImageInspectInfo['Config'],
    { name, env }: BuiltImage,
    signal: AbortSignal,
  ): Promise<void> {
    const found = await callEngine(signal, () => engine.getContainer(container).inspect({ abortSignal: signal }));
    const emptied = Object.fromEntries(found.Config.Env.map((pair) => [pair.split('=')[0] ?? '', '']));
    const all = { ...emptied, ...pairsOf(base.Env ?? []), ...env };
    const config = {
      Env: Object.entries(all).map(([key, value]) => `${key}=${value}`),
      User: base.User || String(imageUserId),
      WorkingDir: base.WorkingDir,
      Cmd: listOf(base.Cmd),
      Entrypoint: listOf(base.Entrypoint), // otherwise the image would inherit the build container's entrypoint
    };
    const [repo, tag] = name.split(':');
    const query = { container, repo, tag, pause: true };
    const input = { _query: query, _body: config, abortSignal: signal } as object;
    await callEngine(signal, () => engine.getContainer(container).commit(input));
  }
}

const listOf = (words: string | string[] | undefined | null) => (typeof words === 'string' ? [words] : (words ?? []));
const pairsOf = (env: readonly string[]) =>
  Object.fromEntries(env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
