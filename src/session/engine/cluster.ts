import type { SessionId } from '../../core/ids.ts';
import type { SandboxClient } from '../../sandbox/client.ts';
import type { UsedSandbox } from '../run/used-sandbox.ts';
import type { Ownership } from './ownership.ts';

// The ports through which the engine reaches other servers on the same store. ../cluster implements them.

/** A command for the session's owner, as data. */
export interface RemoteCommand {
  readonly name: string;
  readonly body: unknown;
}
/**
 * Does what another server asked of a session of ours at that time (epoch ms); another owner may have done it since.
 * Rejects with `fenced` where the session is not ours any more.
 */
export type Act = (id: SessionId, command: RemoteCommand, since: number) => Promise<unknown>;

/** Commands between the servers of one store. */
export interface CommandExchange extends AsyncDisposable {
  start(): void;
  /** Does the command `here` where the session is ours or can become so, else has its owner do it. */
  route<Value>(id: SessionId, command: RemoteCommand, here: () => Promise<Value>, signal?: AbortSignal): Promise<Value>;
  /** Has the owner do the command, and resolves with the owner's answer. Rejects: deadline_exceeded after a minute. */
  post(id: SessionId, command: RemoteCommand, signal?: AbortSignal): Promise<unknown>;
}

/** Connections of our own into sandboxes whose sessions another server owns. */
export interface SandboxExchange extends AsyncDisposable {
  /** Has the owner start the sandbox where it does not run. */
  use(id: SessionId, signal: AbortSignal): Promise<UsedSandbox>;
  /** A look does not keep the sandbox from being stopped. Rejects: sandbox_not_found. */
  look(id: SessionId, signal: AbortSignal): Promise<{ readonly client: SandboxClient }>;
  /** Closes the connection: the session is ours now, or gone. */
  leave(id: SessionId): Promise<void>;
}

/** What the owner of a sandbox is told by a server that only visits it. */
export interface SandboxOwner {
  /** Has the owner start the sandbox where it does not run, and count it as used now. */
  ask(id: SessionId, signal: AbortSignal): Promise<void>;
  /** What answers there is not the daemon: has the owner end it. */
  distrust(id: SessionId, error: unknown): void;
}

/** The other servers of a shared store. */
export interface Cluster {
  readonly ownership: Ownership;
  commands(act: Act): CommandExchange;
  sandboxes(owner: SandboxOwner): SandboxExchange;
}
