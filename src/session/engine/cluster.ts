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
 * Executes a command that another server posted at `since` (epoch ms); a previous owner may have executed it already.
 * Rejects with `fenced` when the session is no longer ours.
 */
export type Act = (id: SessionId, command: RemoteCommand, since: number) => Promise<unknown>;

/** Commands between the servers of one store. */
export interface CommandExchange extends AsyncDisposable {
  start(): void;
  /** Executes the command through `here` when this server owns or can take the session, else at its owner. */
  route<Value>(id: SessionId, command: RemoteCommand, here: () => Promise<Value>, signal?: AbortSignal): Promise<Value>;
  /** Executes the command at the owner and resolves with its answer. Rejects: deadline_exceeded after a minute. */
  post(id: SessionId, command: RemoteCommand, signal?: AbortSignal): Promise<unknown>;
}

/** Our own connections to sandboxes whose sessions another server owns. */
export interface SandboxExchange extends AsyncDisposable {
  /** Asks the owner to start a sandbox that does not run. */
  use(id: SessionId, signal: AbortSignal): Promise<UsedSandbox>;
  /** Does not delay the sandbox's idle stop. Rejects: sandbox_not_found. */
  look(id: SessionId, signal: AbortSignal): Promise<{ readonly client: SandboxClient }>;
  /** Closes the connection because the session is ours now, or deleted. */
  leave(id: SessionId): Promise<void>;
}

/** Messages to the owner of a sandbox from another server that uses it. */
export interface SandboxOwner {
  /** Asks the owner to start a sandbox that does not run, and to count it as used now. */
  ask(id: SessionId, signal: AbortSignal): Promise<void>;
  /** Reports that the peer is not our daemon; the owner ends the sandbox. */
  distrust(id: SessionId, error: unknown): void;
}

/** The other servers of a shared store. */
export interface Cluster {
  readonly ownership: Ownership;
  commands(act: Act): CommandExchange;
  sandboxes(owner: SandboxOwner): SandboxExchange;
}
