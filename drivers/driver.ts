import type { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SandboxPhase } from '../src/core/model/events.ts';
import type { SandboxId, SessionId, VolumeId } from '../src/core/model/ids.ts';
import type { PauseSupport } from '../src/core/model/sandboxes/condition.ts';
import type { VolumeMount } from '../src/core/model/sandboxes/volume.ts';
import type { ServiceRecipe, ServiceStatus } from '../src/core/model/services/recipe.ts';
import type { Secret } from '../src/core/text/secret.ts';

/** Aborting `signal` cancels the call. The signal also aborts at the call's deadline. */
export interface CallOptions {
  readonly signal: AbortSignal;
}

export interface EgressPolicy {
  readonly kind: string;
  readonly entries?: readonly string[]; // host, *.host, host:port
}

export interface SandboxLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly pids: number;
  readonly diskBytes: number;
}

/** Recipe, name and limits of a service that runs alongside a sandbox. */
export interface ServiceSpec extends ServiceRecipe {
  readonly name: string;
  readonly limits: Omit<SandboxLimits, 'diskBytes'>;
}

/** A volume in a sandbox. */
export interface MountedVolume extends VolumeMount {
  /** The daemon ends processes that write beyond this limit. */
  readonly quotaBytes: number;
}

/**
 * Everything that a driver needs to start one sandbox.
 *
 * @example const info = await driver.provision({ ...recipe, id, sessionId, epoch, expiresAt: clock.now() + ttlMs },
 * call);
 */
export interface SandboxSpec {
  readonly id: SandboxId;
  readonly sessionId: SessionId;
  /** Lease epoch of the session's holder. Identifies sandboxes of a stale holder. */
  readonly epoch: number;
  readonly template: string;
  readonly image: string;
  readonly limits: SandboxLimits;
  readonly egress: EgressPolicy;
  readonly env: Readonly<Record<string, string>>;
  /** Services that run alongside the sandbox, reachable by name. Requires a `ServiceHost` driver. */
  readonly services?: readonly ServiceSpec[] | undefined;
  /** At most one per path. Requires a `VolumeHost` driver. Files in writable volumes belong to the sandbox's user. */
  readonly volumes?: readonly MountedVolume[] | undefined;
  /** An existing object, such as `sandbox/NAME`. `destroy` only releases it. Requires an `AdoptionSupport` driver. */
  readonly adopts?: string | undefined;
  /** Epoch ms after which the backend may remove the sandbox itself. */
  readonly expiresAt: number;
}

/**
 * The backend's current view of a sandbox, read from its labels on every call: drivers keep no table of their own.
 *
 * @example const stale = (await driver.list(call)).filter(({ expiresAt }) => expiresAt < clock.now());
 */
export interface SandboxInfo {
  readonly id: SandboxId;
  readonly sessionId: SessionId;
  readonly epoch: number;
  readonly template: string;
  readonly image: string;
  /** `stopped`: only the workspace remains. */
  readonly phase: 'starting' | 'ready' | 'paused' | 'exited' | 'stopped';
  readonly expiresAt: number;
  /** The machine that runs the sandbox. Absent: the server's own. */
  readonly host?: string;
}

/** Progress of a sandbox start, shown in the session's event log. */
export interface ProvisionProgress {
  readonly phase: Extract<SandboxPhase, 'image' | 'starting'>;
  readonly detail: string;
  /** Whether a `PoolHost` driver took the sandbox from its pool. Absent: not known. */
  readonly fromPool?: boolean;
}

/**
 * A connection to the sandbox's daemon. Disposing closes the connection, never the sandbox.
 *
 * @example await using link = await driver.attach(id, call); const client = sandboxClient(link);
 */
export interface SandboxLink extends AsyncDisposable {
  /** Agent for node:http requests to `http://sandbox/…`. Concurrent requests use separate connections to the daemon. */
  readonly agent: Agent;
  /** The daemon's bearer token. */
  readonly token: Secret;
  /** Path of the workspace inside the sandbox. */
  readonly workdir: string;
  /** Aborts when the sandbox ends or this link closes. */
  readonly lost: AbortSignal;
  /** Prioritizes this sandbox for one second. Absent if unsupported. */
  readonly hasten?: () => void;
  /** Total time the daemon has waited for CPU, in ms; only differences are meaningful. Absent: unknown. */
  readonly starvedMs?: () => Promise<number>;
  /** Connects to the screen. Its bytes are untrusted. Resolves with undefined if unreachable. Absent if unsupported. */
  readonly screen?: () => Promise<Duplex | undefined>;
}

export interface Capabilities {
  readonly isolation: 'container' | 'namespaces' | 'none' | 'fake';
  readonly egress: 'enforced' | 'open';
  /** Network access cannot be added while the sandbox runs. */
  readonly isEgressFixed?: true;
  /** Limits that apply to a sandbox as a whole, not only to each process. */
  readonly limits: readonly (keyof SandboxLimits)[];
  readonly desktop: boolean;
  /** The kind of object that the driver creates for a sandbox, such as a pod or a claim. Absent: there is only one kind. */
  readonly engine?: string | undefined;
  /** The only image names that sandboxes can use. Absent: any image. */
  readonly images?: readonly string[];
  /** Ports inside the sandbox on which its daemon listens. Absent if there are none. */
  readonly daemonPorts?: readonly number[];
  /** The most that a pause preserves. `memory` requires `Pausable`. */
  readonly pause: PauseSupport;
  /** Why sandboxes cannot have services. Absent: the driver is a `ServiceHost`. */
  readonly noServices?: string;
  /** Why sandboxes cannot mount volumes. Absent: the driver is a `VolumeHost`. */
  readonly noVolumes?: string;
  /** Why templates cannot be built. Absent: the driver is an `ImageBuilder`. */
  readonly noBuilds?: string;
  /** Programs that sandboxes lack. Absent: all programs come from the image. */
  readonly lacking?: readonly MissingProgram[];
  readonly weaknesses?: readonly Weakness[];
}

export interface MissingProgram {
  readonly name: string;
  /** Explains what does not work and what to do. */
  readonly text: string;
}

/** A protection that is missing or weaker than it should be. */
export interface Weakness {
  /** A stable identifier for scripts, the same in every version. */
  readonly name: string;
  /** Explains what is missing, what that means, and what to do. */
  readonly text: string;
}

/**
 * Every method rejects only with AppError and stops promptly when `call.signal` aborts (`cancelled` or
 * `deadline_exceeded`). Every method can be called again after any failure.
 *
 * @example const info = await driver.provision(spec, call); await using link = await driver.attach(info.id, call);
 * await driver.destroy(info.id, 'keep', call);
 */
export interface Driver extends AsyncDisposable {
  /** Key in `drivers/list.ts`. */
  readonly name: string;
  readonly capabilities: Capabilities;

  /** Resolves when the backend answers. Rejects with driver_unavailable. */
  check(call: CallOptions): Promise<void>;

  /**
   * Resolves once the sandbox's daemon has answered. Idempotent by id, even across processes. Restarts an `exited` or
   * `stopped` sandbox with its workspace. Rejects: image_missing, sandbox_capacity, sandbox_unavailable,
   * driver_unavailable, quota, and fenced if the sandbox belongs to a newer epoch.
   */
  provision(spec: SandboxSpec, call: CallOptions, news?: (news: ProvisionProgress) => void): Promise<SandboxInfo>;

  /**
   * Connects to a ready sandbox. A `holder` also takes over its egress. Rejects with sandbox_unavailable, or with
   * sandbox_not_found if the sandbox is gone, exited or stopped.
   */
  attach(id: SandboxId, call: CallOptions, as?: 'holder' | 'guest'): Promise<SandboxLink>;

  /** This installation's sandboxes in any phase, including leftovers of failed calls. */
  list(call: CallOptions): Promise<readonly SandboxInfo[]>;

  /**
   * Ends every process in the sandbox. `remove` also deletes the workspace; `keep` leaves the sandbox `stopped`.
   * Succeeds if the sandbox does not exist.
   */
  destroy(id: SandboxId, workspace: 'keep' | 'remove', call: CallOptions): Promise<void>;
}

/** Optional: pauses sandboxes without losing their memory. */
export interface Pausable {
  pause(id: SandboxId, call: CallOptions): Promise<void>;
  resume(id: SandboxId, call: CallOptions): Promise<void>;
}
export const isPausable = (driver: Driver): driver is Driver & Pausable => 'pause' in driver && 'resume' in driver;

/** Optional: runs containers on a sandbox's loopback interface. `destroy` and `pause` also apply to them. */
export interface ServiceHost {
  /** Does nothing if the service is already running. Rejects: image_missing, sandbox_not_found, sandbox_unavailable. */
  startService(
    id: SandboxId,
    service: ServiceSpec,
    call: CallOptions,
    news?: (news: ProvisionProgress) => void,
  ): Promise<void>;
  /** The current state of the sandbox's services. Services that never started are omitted. */
  services(id: SandboxId, call: CallOptions): Promise<readonly Omit<ServiceStatus, 'ports'>[]>;
}
export const hostsServices = (driver: Driver): driver is Driver & ServiceHost =>
  'startService' in driver && driver.capabilities.noServices === undefined;

/** Optional: adopts sandboxes that were created in the backend by someone else. */
export interface AdoptionSupport {
  /**
   * Resolves if the sandbox is free for a new session. Rejects: not_found, conflict (in use, or owned by another
   * object), sandbox_unavailable (not ready), unsupported (its daemon does not accept this server, or the backend has
   * no such sandboxes).
   */
  checkAdoption(named: string, call: CallOptions): Promise<void>;
}
export const adoptsSandboxes = (driver: Driver): driver is Driver & AdoptionSupport => 'checkAdoption' in driver;

/** Optional: storage that outlives sandboxes and can be mounted by several of them. */
export interface VolumeHost {
  /** Does nothing if the volume already exists. */
  makeVolume(id: VolumeId, call: CallOptions): Promise<void>;
  /** All volumes of this installation, including leftovers of an interrupted call. */
  volumes(call: CallOptions): Promise<readonly VolumeId[]>;
  /** Also succeeds if the volume does not exist. Rejects with conflict if a sandbox has the volume mounted. */
  removeVolume(id: VolumeId, call: CallOptions): Promise<void>;
}
export const hostsVolumes = (driver: Driver): driver is Driver & VolumeHost =>
  'makeVolume' in driver && driver.capabilities.noVolumes === undefined;

/** A sandbox started before a session needs it. Has no network access yet. */
export interface WarmSandbox {
  readonly id: SandboxId;
  /** Identifies the start settings. Only a session with equal settings can claim the sandbox. */
  readonly recipe: string;
  /** Content id of the sandbox's image. Outdated if `imageNow` returns another id. */
  readonly content: string;
  /** Epoch of the server that started the sandbox. Older servers must not end it. */
  readonly epoch: number;
  readonly phase: 'starting' | 'ready' | 'exited';
  /** Epoch ms after which the backend may remove the sandbox. */
  readonly expiresAt: number;
}

/** The settings of a sandbox that do not depend on its session. */
export type SandboxRecipe = Omit<SandboxSpec, 'id' | 'sessionId' | 'epoch' | 'expiresAt'>;

/** Optional: sandboxes started ahead of need. `list` omits unclaimed ones. */
export interface Poolable {
  /** Resolves with the image's content id. Builds or pulls a missing image. */
  imageNow(image: string, call: CallOptions): Promise<string>;
  /** Resolves once the sandbox is ready. A failed call leaves nothing running. */
  warm(spec: SandboxSpec, recipe: string, call: CallOptions): Promise<WarmSandbox>;
  /** Lists all unclaimed sandboxes, including those of earlier processes and other replicas. */
  unclaimed(call: CallOptions): Promise<readonly WarmSandbox[]>;
  /** Only one caller succeeds. `known`: the session already has a sandbox or files; this sandbox stays unclaimed. */
  claim(id: SandboxId, spec: SandboxSpec, call: CallOptions): Promise<SandboxInfo | 'gone' | 'known'>;
  /** Removes an unclaimed sandbox. Never affects a claimed one. */
  discard(id: SandboxId, call: CallOptions): Promise<void>;
  /** Free memory of the sandboxes' host, in bytes. Undefined if the server cannot determine it. */
  freeMemory(): number | undefined;
}
export const isPoolable = (driver: Driver): driver is Driver & Poolable => 'warm' in driver && 'claim' in driver;

/** Optional: the backend itself keeps sandboxes ready, and each sandbox start can claim one. */
export interface PoolHost {
  /**
   * Keeps `want.count` sandboxes of this recipe ready. Ends ready sandboxes of other recipes, except those of newer
   * servers. Rejects with unsupported if the backend has no pools.
   */
  keepReady(
    recipe: SandboxRecipe,
    want: { readonly count: number; readonly epoch: number },
    call: CallOptions,
  ): Promise<void>;
}
export const hostsPool = (driver: Driver): driver is Driver & PoolHost => 'keepReady' in driver;

/** Optional: the backend builds the server's own images. */
export interface ServerImageBuilder {
  /** Builds or pulls a missing image. Rejects with image_missing. */
  ensureImage(image: string, call: CallOptions, news: (news: ProvisionProgress) => void): Promise<void>;
}
export const buildsServerImages = (driver: Driver): driver is Driver & ServerImageBuilder => 'ensureImage' in driver;

/** One command of a build. */
export interface BuildCommand {
  readonly argv: readonly string[];
  readonly user: 'root' | 'user';
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Receives the output of stdout and stderr in chunks. */
  readonly onOutput: (text: string) => void;
}
/** The image that a build creates. */
export interface BuiltImage {
  /** Starts with `corral-built/`. */
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A sandbox with a writable root file system. Disposing removes it. */
export interface BuildContainer extends AsyncDisposable {
  /** The base image's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Connects to the container's daemon. */
  attach(call: CallOptions): Promise<SandboxLink>;
  /** Resolves with the exit code. Rejects with sandbox_lost if the build has ended. */
  run(command: BuildCommand, call: CallOptions): Promise<number>;
  /** Ends every process and saves the files as an image. */
  keep(image: BuiltImage, call: CallOptions): Promise<void>;
}

/** Optional: builds images from the steps of a template. */
export interface ImageBuilder {
  startBuild(spec: SandboxSpec, call: CallOptions, news?: (news: ProvisionProgress) => void): Promise<BuildContainer>;
  /** The names of this installation's built images. */
  builtImages(call: CallOptions): Promise<readonly string[]>;
  /** Also succeeds if the image does not exist. Rejects with conflict while a sandbox runs from it. */
  removeBuiltImage(name: string, call: CallOptions): Promise<void>;
  /** Removes expired build containers. Resolves with the number removed. */
  sweepBuilds(now: number, call: CallOptions): Promise<number>;
}
export const buildsImages = (driver: Driver): driver is Driver & ImageBuilder =>
  'startBuild' in driver && driver.capabilities.noBuilds === undefined;

/** Serves the only network path out of a sandbox. The driver owns the listening socket. */
export interface EgressHandler {
  /** The handler owns the socket and closes it. */
  serve(socket: Duplex, from: { id: SandboxId; sessionId: SessionId }): void;
}
