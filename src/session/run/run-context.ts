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

/** Desktops as agents have them: what they see there is kept, and their browsers go with the way into the sandbox. */
export interface AgentDesktop {
  of(id: SessionId): SeenDesktop & {
    /** Whether that sandbox has a desktop; one that is still to start has, as far as anybody knows. */
    existsIn(client: SandboxClient | undefined): Promise<boolean>;
  };
  release(client: SandboxClient): void;
}

/** The tools whose calls wait for somebody's leave; `*` is all of them. */
export interface Approvals {
  readonly tools: readonly string[];
  readonly timeoutMs: number;
}

/** Everything that the actors of one run work with. */
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
  /** For tools that see; absent where sandboxes have no desktop. */
  readonly desktop?: SeenDesktop;
  readonly gate?: ControlGate;
  hasTitle(): boolean;
}
