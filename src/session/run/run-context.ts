import type { Clock } from '../../core/clock.ts';
import type { SessionId } from '../../core/ids.ts';
import type { Model, Sampling } from '../../llm/model.ts';
import type { SandboxClient } from '../../sandbox/client.ts';
import type { ToolRegistry } from '../../tools/registry.ts';
import type { ControlGate, KeptPicture, ToolContext } from '../../tools/tool.ts';
import type { RunWriter } from './run-writer.ts';
import type { SandboxUser } from './used-sandbox.ts';

export interface SeenDesktop {
  browserOf(client: SandboxClient): NonNullable<ToolContext['browser']>;
  keepPicture(
    picture: Parameters<NonNullable<ToolContext['keepPicture']>>[0],
    signal: AbortSignal,
  ): Promise<KeptPicture | undefined>;
  loadPicture(file: string): Promise<string | undefined>;
}

/**
 * The desktops that agents use. Their screenshots are stored, and their browser connections close with the sandbox
 * connection.
 */
export interface AgentDesktop {
  of(id: SessionId): SeenDesktop & {
    /** Whether the sandbox has a desktop; true for a sandbox that is still to start. */
    existsIn(client: SandboxClient | undefined): Promise<boolean>;
  };
  release(client: SandboxClient): void;
}

/** The tools whose calls wait for a person's permission; `*` means all. */
export interface Approvals {
  readonly tools: readonly string[];
  readonly timeoutMs: number;
}

/** The dependencies of one run's actors. */
export interface Working {
  readonly runWriter: RunWriter;
  readonly model: Model;
  readonly tools: ToolRegistry;
  readonly prompt: string | undefined;
  readonly sampling?: Sampling;
  readonly clock: Clock;
  readonly task: string;
  readonly workdir: string;
  readonly toolTimeoutMs: number;
  readonly approvals: Approvals | undefined;
  readonly sandbox: SandboxUser;
  /** For tools that use the screen; undefined when sandboxes have no desktop. */
  readonly desktop?: SeenDesktop;
  readonly gate?: ControlGate;
  hasTitle(): boolean;
}
