import type { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SandboxPhase } from '../src/core/model/events.ts';
import type { SandboxId, SessionId, VolumeId } from '../src/core/model/ids.ts';
import type { PauseAbility } from '../src/core/model/sandboxes/condition.ts';
import type { VolumeMount } from '../src/core/model/sandboxes/volume.ts';
import type { ServiceRecipe, ServiceStatus } from '../src/core/model/services/recipe.ts';
import type { Secret } from '../src/core/text/secret.ts';

/**
 * The time limit of a call and the signal to cancel it. `signal` also fires at `deadlineAt`.
 *
 * @example
 * const call = { signal: AbortSignal.timeout(60_000), deadlineAt: clock.now() + 60_000 };
 */
export interface Call {
  readonly signal: AbortSignal;
  readonly deadlineAt: number; // epoch ms, for backends that take a timeout of their own
}

/** The connections that a sandbox can make: the name of a policy of the proxy, and its list if it has one. */
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

/** A service beside a sandbox, with what it can use at most. */
export interface ServiceSpec extends ServiceRecipe {
  readonly name: string;
  readonly limits: Omit<SandboxLimits, 'diskBytes'>;
}

/** A volume in a sandbox. */
export interface MountedVolume extends VolumeMount {
  /** The daemon ends processes that write beyond it. */
  readonly quotaBytes: number;
}

/**
 * Everything that a driver needs to start one sandbox.
 *
 * @example
 * const info = await driver.provision({ ...recipe, id, sessionId, epoch, expiresAt: clock.now() + ttlMs }, call);
 */
export interface SandboxSpec {
  readonly id: SandboxId;
  readonly sessionId: SessionId;
  /** The lease epoch of the session's holder. A label records it, so that a stale holder's sandbox is recognized. */
  readonly epoch: number;
  readonly template: string;
  readonly image: string;
  readonly limits: SandboxLimits;
  readonly egress: EgressPolicy;
  readonly env: Readonly<Record<string, string>>;
  /** The services beside it, whose names its programs can resolve. Only a driver that is `ServiceHosting` takes them. */
  readonly services?: readonly ServiceSpec[] | undefined;
  /**
   * The volumes in it, at most one of them by each path. Only a driver that is `VolumeHosting` takes them. The files
   * of a volume that is mounted for writing belong to the sandbox's user from its start on.
   */
  readonly volumes?: readonly MountedVolume[] | undefined;
  /** After this time the backend can remove the sandbox by itself, epoch ms. */
  readonly expiresAt: number;
}

/**
 * The backend's current state of a sandbox, read from its labels on every call: drivers keep no table of their own.
 *
 * @example
 * const stale = (await driver.list(call)).filter(({ expiresAt }) => expiresAt < clock.now());
 */
export interface SandboxInfo {
  readonly id: SandboxId;
  readonly sessionId: SessionId;
  readonly epoch: number;
  readonly template: string;
  readonly image: string;
  /** `stopped`: only the workspace is left. */
  readonly phase: 'starting' | 'ready' | 'paused' | 'exited' | 'stopped';
  readonly expiresAt: number;
}

/** Progress of a start, for the session's event log. */
export interface ProvisionProgress {
  readonly phase: Extract<SandboxPhase, 'image' | 'starting'>;
  readonly detail: string;
}

/**
 * A connection to the sandbox's daemon. Disposing closes the connection, never the sandbox.
 *
 * @example
 * await using link = await driver.attach(id, call);
 * const client = sandboxClient(link);
 */
export interface SandboxLink extends AsyncDisposable {
  /** The agent of node:http requests to `http://sandbox/…`. Each request uses a connection to the daemon. */
  readonly agent: Agent;
  /** The daemon's bearer token. */
  readonly token: Secret;
  /** The workspace's path inside the sandbox. */
  readonly workdir: string;
  /** Fires once no call can arrive any more: the sandbox died or was removed, or this link was closed. */
  readonly lost: AbortSignal;
  /**
   * On busy processors, puts the sandbox's processes before those of the other sandboxes, for a second. A stop needs
   * it: the processes that have to end get no more of the processor than all the others. Absent: the driver cannot do
   * that.
   */
  readonly hasten?: () => void;
  /**
   * How long the sandbox's daemon has waited for a processor, in ms; only differences have a meaning. A daemon that
   * gets no processor is silent, but not lost. Absent: unknown.
   */
  readonly starvedMs?: () => Promise<number>;
  /**
   * Dials the sandbox's display itself, which saves the way through the daemon. Undefined: no display can be reached so
   * now. Absent: the driver cannot do that. The bytes are as hostile as those of the daemon.
   */
  readonly screen?: () => Promise<Duplex | undefined>;
}

export interface Capabilities {
  readonly isolation: 'container' | 'namespaces' | 'none' | 'fake';
  readonly egress: 'enforced' | 'open';
  /** A sandbox that started without a way out gets none while it runs. Absent: the egress proxy alone decides. */
  readonly wayOutIsFixed?: true;
  /** The limits that apply to a sandbox as a whole, not just to each process. */
  readonly limits: readonly (keyof SandboxLimits)[];
  readonly desktop: boolean;
  /** The only images of its sandboxes, for which this machine's programs stand in; absent: any image can be run. */
  readonly images?: readonly string[];
  /** Ports inside the sandbox at which its daemon listens for the server; absent: none. */
  readonly daemonPorts?: readonly number[];
  /**
   * The most that a pause keeps. `memory`: the driver is `Pausable`. `files`: a stopped sandbox keeps its workspace.
   * `none`: it loses its files too.
   */
  readonly pause: PauseAbility;
  /** Why no services run beside its sandboxes; absent: the driver is `ServiceHosting`. */
  readonly noServices?: string;
  /** Why its sandboxes mount no volumes; absent: the driver is `VolumeHosting`. */
  readonly noVolumes?: string;
  /** Why no templates are built here; absent: the driver is `ImageBuilding`. */
  readonly noBuilds?: string;
  /** The programs that the sandboxes lack, each with what does not work without it; absent: the image has its own. */
  readonly lacking?: readonly LackingProgram[];
  /** The isolation that this machine does not let the driver provide; absent: nothing is known. */
  readonly weaknesses?: readonly Weakness[];
}

export interface LackingProgram {
  readonly name: string;
  /** Says what does not work, and what to do. */
  readonly text: string;
}

/** A protection that is missing or weaker than it should be. */
export interface Weakness {
  /** A stable identifier for scripts, the same in every version. */
  readonly name: string;
  /** Says what is missing, what that means, and what to do. */
  readonly text: string;
}

/**
 * Every method rejects only with AppError and stops promptly when `call.signal` fires (`cancelled` or
 * `deadline_exceeded`). Every method can be called again after any failure.
 *
 * @example
 * const info = await driver.provision(spec, call);
 * await using link = await driver.attach(info.id, call);
 * await driver.destroy(info.id, 'keep', call);
 */
export interface Driver extends AsyncDisposable {
  /** The driver's key in `drivers/list.ts`. */
  readonly name: string;
  readonly capabilities: Capabilities;

  /** Resolves when the backend answers. Rejects: driver_unavailable. */
  check(call: Call): Promise<void>;

  /**
   * Resolves once the sandbox is `ready`: its daemon has answered. Idempotent by sandbox id: a second call gives the
   * same sandbox, even if it is concurrent or comes from another process. An `exited` or `stopped` sandbox starts again
   * on the kept workspace. After a failed or cancelled call, nothing runs that `list` does not show. Rejects:
   * image_missing, sandbox_capacity, sandbox_unavailable, driver_unavailable, quota, and fenced if the sandbox belongs
   * to a newer epoch.
   */
  provision(spec: SandboxSpec, call: Call, news?: (news: ProvisionProgress) => void): Promise<SandboxInfo>;

  /**
   * Connects to a ready sandbox. Rejects: sandbox_not_found if it is gone, has exited or is stopped;
   * sandbox_unavailable. The `holder` also takes over the sandbox's way out from its previous holder; a `guest` does
   * not.
   */
  attach(id: SandboxId, call: Call, as?: 'holder' | 'guest'): Promise<SandboxLink>;

  /**
   * All sandboxes of this installation, in any phase, including those that an earlier process made, and everything that
   * a failed or interrupted call left of one: no other call finds it.
   */
  list(call: Call): Promise<readonly SandboxInfo[]>;

  /**
   * Ends every process of the sandbox. `remove` deletes the workspace too, and `list` no longer shows the sandbox;
   * `keep` leaves it `stopped`. Succeeds if the sandbox does not exist.
   */
  destroy(id: SandboxId, workspace: 'keep' | 'remove', call: Call): Promise<void>;
}

/** An optional ability of a driver. */
export interface Pausable {
  pause(id: SandboxId, call: Call): Promise<void>;
  resume(id: SandboxId, call: Call): Promise<void>;
}
export const isPausable = (driver: Driver): driver is Driver & Pausable => 'pause' in driver && 'resume' in driver;

/**
 * An optional ability: containers of other images beside a sandbox, on its loopback interface and without a way out of
 * their own. They end with the sandbox: `destroy` and `pause` of it are theirs too.
 */
export interface ServiceHosting {
  /**
   * Starts one service of a running sandbox; does nothing if it runs already. Rejects: image_missing, sandbox_not_found,
   * sandbox_unavailable.
   */
  startService(
    id: SandboxId,
    service: ServiceSpec,
    call: Call,
    news?: (news: ProvisionProgress) => void,
  ): Promise<void>;
  /** The present state of the sandbox's services; those that never started are missing. */
  services(id: SandboxId, call: Call): Promise<readonly Omit<ServiceStatus, 'ports'>[]>;
}
export const hostsServices = (driver: Driver): driver is Driver & ServiceHosting =>
  'startService' in driver && driver.capabilities.noServices === undefined;

/** An optional ability: storage that outlives sandboxes, and that several of them mount. */
export interface VolumeHosting {
  /** Does nothing where the volume exists. */
  makeVolume(id: VolumeId, call: Call): Promise<void>;
  /** All volumes of this installation, also those that an interrupted call left. */
  volumes(call: Call): Promise<readonly VolumeId[]>;
  /** Deletes the content. Succeeds if there is none. Rejects: conflict (a sandbox has it mounted). */
  removeVolume(id: VolumeId, call: Call): Promise<void>;
}
export const hostsVolumes = (driver: Driver): driver is Driver & VolumeHosting =>
  'makeVolume' in driver && driver.capabilities.noVolumes === undefined;

/** A sandbox that was started ahead of need. No session owns it yet, and it has no way out. */
export interface WarmSandbox {
  readonly id: SandboxId;
  /** Names the settings that it was started with. Only a session that wants exactly these can claim it. */
  readonly recipe: string;
  /** The content id of its image. If `imageNow` returns another one, the sandbox is out of date. */
  readonly content: string;
  /** The epoch of the server that started it. An older server must not end a newer server's sandboxes. */
  readonly epoch: number;
  readonly phase: 'starting' | 'ready' | 'exited';
  /** After this time, counted from its start, the backend can remove it, epoch ms. */
  readonly expiresAt: number;
}

/** The settings of a sandbox that do not depend on its session. */
export type SandboxRecipe = Omit<SandboxSpec, 'id' | 'sessionId' | 'epoch' | 'expiresAt'>;

/** An optional ability to start sandboxes ahead of need. `list` does not return unclaimed ones. */
export interface Poolable {
  /** The content id that the image's name stands for now. Builds or pulls a missing image. */
  imageNow(image: string, call: Call): Promise<string>;
  /**
   * Starts an unclaimed sandbox under the spec's id and resolves once it is ready. A failed call leaves nothing
   * running.
   */
  warm(spec: SandboxSpec, recipe: string, call: Call): Promise<WarmSandbox>;
  /** All unclaimed sandboxes, including those of earlier processes and other replicas. */
  unclaimed(call: Call): Promise<readonly WarmSandbox[]>;
  /**
   * Gives the sandbox to this session in one atomic step: only one of several callers succeeds. `gone`: it is no longer
   * available. `known`: the session already has a sandbox or files, so it needs `provision`, and this sandbox stays
   * unclaimed.
   */
  claim(id: SandboxId, spec: SandboxSpec, call: Call): Promise<SandboxInfo | 'gone' | 'known'>;
  /** Ends an unclaimed sandbox and removes everything of it. Never touches a claimed one. */
  discard(id: SandboxId, call: Call): Promise<void>;
  /** Memory that the sandboxes' host can still give, in bytes; undefined where only the backend knows it. */
  freeMemory(): number | undefined;
}
export const isPoolable = (driver: Driver): driver is Driver & Poolable => 'warm' in driver && 'claim' in driver;

/** An optional ability: the server's own images are built by this backend. */
export interface ImageMaking {
  /**
   * Resolves once the backend has the image: builds or pulls a missing one, and tells its progress. Rejects:
   * image_missing.
   */
  ensureImage(image: string, call: Call, news: (news: ProvisionProgress) => void): Promise<void>;
}
export const makesImages = (driver: Driver): driver is Driver & ImageMaking => 'ensureImage' in driver;

/** One command of a build. */
export interface BuildCommand {
  readonly argv: readonly string[];
  readonly user: 'root' | 'user';
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Hears the output of both streams, in pieces. */
  readonly heard: (text: string) => void;
}
/** The image that a build makes. */
export interface BuiltImage {
  /** Begins with `corral-built/`. */
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The container of a build: a sandbox whose root file system can be written, and in which commands can be root with the few
 * capabilities that package managers need. Disposing removes it.
 */
export interface BuildContainer extends AsyncDisposable {
  /** The variables of its image. */
  readonly env: Readonly<Record<string, string>>;
  /** A connection to its daemon. */
  attach(call: Call): Promise<SandboxLink>;
  /** Resolves with the exit code. Rejects: sandbox_lost (the build ended, for example over its limit of the disk). */
  run(command: BuildCommand, call: Call): Promise<number>;
  /** Ends every process and keeps the files as an image. */
  keep(image: BuiltImage, call: Call): Promise<void>;
}

/** An optional ability: images made of the steps of a template, inside the walls of a sandbox. */
export interface ImageBuilding {
  startBuild(spec: SandboxSpec, call: Call, news?: (news: ProvisionProgress) => void): Promise<BuildContainer>;
  /** The names of the built images that this installation has. */
  builtImages(call: Call): Promise<readonly string[]>;
  /** Succeeds if the image does not exist. Rejects: conflict while a sandbox runs from it. */
  removeBuiltImage(name: string, call: Call): Promise<void>;
  /** Removes the containers of builds whose time is over, which a dead server left. Resolves with their number. */
  sweepBuilds(now: number, call: Call): Promise<number>;
}
export const buildsImages = (driver: Driver): driver is Driver & ImageBuilding =>
  'startBuild' in driver && driver.capabilities.noBuilds === undefined;

/** Serves a sandbox's only way out. The driver owns the socket; the gate decides which requests pass. */
export interface EgressHandler {
  /**
   * Serves one connection of that sandbox (HTTP proxy requests and CONNECT). The gate owns the socket and closes it.
   */
  serve(socket: Duplex, from: { id: SandboxId; sessionId: SessionId }): void;
}
