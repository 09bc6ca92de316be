import type { Clock } from '../../core/clock.ts';
import type { Model } from '../../llm/model.ts';
import type { ToolRegistry } from '../../tools/registry.ts';
import type { ControlGate } from '../../tools/tool.ts';
import type { SandboxUser } from '../sandboxes.ts';
import type { RunScribe } from '../scribe.ts';

/** What the actors of one run work with. */
export interface Working {
  readonly scribe: RunScribe;
  readonly model: Model;
  readonly tools: ToolRegistry;
  readonly prompt: string | undefined;
  readonly clock: Clock;
  readonly task: string;
  readonly workdir: string;
  readonly toolTimeoutMs: number;
  readonly sandbox: SandboxUser;
  readonly gate?: ControlGate;
  hasTitle(): boolean;
}
