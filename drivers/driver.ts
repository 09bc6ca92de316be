import type { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SandboxPhase } from '../src/core/events.ts';
import type { SandboxId, SessionId } from '../src/core/ids.ts';
import type { Secret } from '../src/core/secret.ts';

/** How long a call may take, and how to give it up. `signal` already fires at `deadlineAt`. */
export interface Call {
  readonly signal: AbortSignal;
  readonly deadlineAt: number; // epoch ms, for backends that take a timeout of their own
}

/** What may leave a sandbox. `registries` is what the image's own package managers are set up for. */
export type EgressPolicy =
  | { readonly kind: 'none' }
  | { readonly kind: 'registries' }
  | { readonly kind: 'allow-list'; readonly entries: readonly string[] } // host, *.host, host:port
  | { readonly kind: 'web' };

export interface SandboxLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly pids: number;
  readonly diskBytes: number;
}

export interface SandboxSpec {
  readonly id: SandboxId;
  readonly sessionId: SessionId;
  /** The lease epoch of whoever asks; a label, so that a stale owner's sandbox is known. */
  readonly epoch: number;
  readonly template: string;
  readonly image: string;
  readonly limits: SandboxLimits;
  readonly egress: EgressPolicy;
  readonly env: Readonly<Record<string, string>>;
  /** The backend may reap it by itself after this, epoch ms. */
  readonly expiresAt: number;
}

/** What the backend says now, rebuilt from its labels on every call; drivers keep no table of their own. */
export interface SandboxInfo {
  readonly id: SandboxId;
  readonly sessionId: SessionId;
  readonly epoch: number;
  readonly template: string;
  readonly image: string;
  /** `stopped`: only its workspace is left. */
  readonly phase: 'starting' | 'ready' | 'paused' | 'exited' | 'stopped';
  readonly expiresAt: number;
}

/** Progress of a start, for the session's log. */
export interface ProvisionNews {
  readonly phase: Extract<SandboxPhase, 'image' | 'starting'>;
  readonly detail: string;
}

/** A way into the sandbox's daemon. Disposing closes the way, never the sandbox. */
export interface SandboxLink extends AsyncDisposable {
  /** For node:http requests to `http://sandbox/…`; each takes a connection that sandboxd opened. */
  readonly agent: Agent;
  /** The daemon's bearer token. */
  readonly token: Secret;
  /** The workspace as processes inside see it. */
  readonly workdir: string;
  /** Fires once when the far side is gone for good: the sandbox died or was removed. */
  readonly lost: AbortSignal;
}

export interface Capabilities {
  readonly isolation: 'container' | 'namespaces' | 'none' | 'fake';
  readonly egress: 'enforced' | 'open';
  /** Those that hold for a sandbox as a whole. */
  readonly limits: readonly (keyof SandboxLimits)[];
  readonly desktop: boolean;
  /** What this machine does not let the driver do; absent: nothing is known. */
  readonly weaknesses?: readonly Weakness[];
}

/** A wall that is missing or lower than it should be. */
export interface Weakness {
  /** Stays the same over versions, for scripts. */
  readonly name: string;
  /** What is missing, what that means, and what to do. */
  readonly text: string;
}

/**
 * Every method rejects only with AppError, stops promptly when `call.signal` fires
 * (`cancelled` or `deadline_exceeded`), and may be called again after any failure.
 */
export interface Driver extends AsyncDisposable {
  readonly name: 'docker' | 'process' | 'memory' | 'kubernetes';
  readonly capabilities: Capabilities;

  /** Resolves when the backend answers. Rejects: driver_unavailable. */
  check(call: Call): Promise<void>;

  /**
   * Resolves once the sandbox is `ready`: its daemon has dialled in. Idempotent by sandbox id: a second
   * call, even a concurrent one or one from another process, gives the same sandbox; after an `exited`
   * or `stopped` one it starts anew on the kept workspace. A failed or cancelled call leaves nothing
   * running that `list` does not show.
   * Rejects: image_missing, sandbox_capacity, sandbox_unavailable, driver_unavailable, quota, and fenced when
   * the sandbox belongs to a newer epoch.
   */
  provision(spec: SandboxSpec, call: Call, news?: (news: ProvisionNews) => void): Promise<SandboxInfo>;

  /**
   * Rejects: sandbox_not_found when it is gone, has exited or is stopped; sandbox_unavailable. The `owner` has the
   * sandbox's way out too, which it takes from whoever had it; a `guest` leaves it where it is.
   */
  attach(id: SandboxId, call: Call, as?: 'owner' | 'guest'): Promise<SandboxLink>;

  /** Everything this installation owns, in any phase, including what an earlier process made. */
  list(call: Call): Promise<readonly SandboxInfo[]>;

  /**
   * Ends every process of it. `remove` takes the workspace too, and it is gone from `list`; `keep` leaves
   * it `stopped`. Destroying what does not exist is success.
   */
  destroy(id: SandboxId, workspace: 'keep' | 'remove', call: Call): Promise<void>;
}

/** An ability that not every backend has. */
export interface Pausable {
  pause(id: SandboxId, call: Call): Promise<void>;
  resume(id: SandboxId, call: Call): Promise<void>;
}
export const isPausable = (driver: Driver): driver is Driver & Pausable => 'pause' in driver && 'resume' in driver;

/** A sandbox that was started ahead of need. It belongs to nobody yet, and has no way out. */
export interface WarmSandbox {
  readonly id: SandboxId;
  /** Names what it was started from; only who wants exactly that may have it. */
  readonly recipe: string;
  /** The content of the image it was started from; another one than `imageNow` says is out of date. */
  readonly content: string;
  /** Of the server that started it: a newer server's are not for an older one to end. */
  readonly epoch: number;
  readonly phase: 'starting' | 'ready' | 'exited';
  /** When the backend may reap it, epoch ms; counted from its start. */
  readonly expiresAt: number;
}

/** What a session's sandbox is made from, whoever it is for. */
export type SandboxRecipe = Omit<SandboxSpec, 'id' | 'sessionId' | 'epoch' | 'expiresAt'>;

/** An ability to start sandboxes before anybody wants them. Unclaimed ones are not in `list`. */
export interface Poolable {
  /** What the image's name stands for now; made or pulled where it is missing. */
  imageNow(image: string, call: Call): Promise<string>;
  /** Starts one and resolves once it is ready; the spec's id is its own. A failed call leaves nothing running. */
  warm(spec: SandboxSpec, recipe: string, call: Call): Promise<WarmSandbox>;
  /** All that nobody has claimed, including what an earlier process or another replica started. */
  unclaimed(call: Call): Promise<readonly WarmSandbox[]>;
  /**
   * Makes it this session's, in one step that only one of all who try can take. `gone`: it is not to be had any more.
   * `known`: the session has a sandbox or files already, so it needs `provision`, and this one stays unclaimed.
   */
  claim(id: SandboxId, spec: SandboxSpec, call: Call): Promise<SandboxInfo | 'gone' | 'known'>;
  /** Ends an unclaimed one with all that it has; never a claimed one. */
  discard(id: SandboxId, call: Call): Promise<void>;
}
export const isPoolable = (driver: Driver): driver is Driver & Poolable => 'warm' in driver && 'claim' in driver;

/** Who serves a sandbox's only way out; the driver owns the socket, this decides what passes. */
export interface EgressGate {
  /** One connection of that sandbox: HTTP proxy requests and CONNECT. Takes over the socket and its end. */
  serve(socket: Duplex, from: { id: SandboxId; sessionId: SessionId }): void;
}
