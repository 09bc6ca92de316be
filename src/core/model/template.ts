import type { ApprovalRule } from './approval-rule.ts';
import type { Packages } from './packages.ts';
import type { RepositoryInput } from './repository.ts';
import type { MountRequest } from './sandboxes/volume.ts';
import type { Services } from './services/recipe.ts';
import type { McpServer } from './tool-server.ts';

/**
 * The recipe of an agent that a session names. An unset field leaves the matter to the project or to the server.
 *
 * @example
 * name: review
 * label: Code review
 * prompt: Read the change and name its faults.
 * model: openai/gpt-5
 */
export interface Template {
  readonly name: string;
  /** The name that people see. */
  readonly label: string;
  readonly description: string;
  /** The environment that OpenCodex clients show; only templates with one are listed there. */
  readonly environment?: string | undefined;
  /** `plan-act`: a plan first; `react`: the agent chooses each next action. */
  readonly mode?: 'plan-act' | 'react' | undefined;
  /** A program of the image that brings its own loop and speaks the Agent Client Protocol. */
  readonly agent: {
    readonly kind?: 'acp' | undefined;
    readonly command?: readonly string[] | undefined;
    readonly auth?: string | undefined;
    readonly mode?: string | undefined;
    /** The variables that hold its key; it needs one of them. */
    readonly keys?: readonly string[] | undefined;
  };
  /** The instructions to the agent. */
  readonly prompt?: string | undefined;
  /** Parts of the prompt instead of the server's and of those in the folder `prompts`, by name. */
  readonly promptParts?: Readonly<Record<string, string>> | undefined;
  /** `demo` or `provider/model`. */
  readonly model?: string | undefined;
  readonly models: { readonly fallbacks?: readonly string[] | undefined };
  readonly maxSteps?: number | undefined;
  /** The limits of one run. */
  readonly run: {
    readonly timeoutSeconds?: number | undefined;
    readonly tokenBudget?: number | undefined;
    readonly costBudget?: number | undefined;
    readonly toolCallBudget?: number | undefined;
  };
  /** The limits of all runs of a session together. */
  readonly session: {
    readonly turnBudget?: number | undefined;
    readonly tokenBudget?: number | undefined;
    readonly costBudget?: number | undefined;
    readonly toolCallBudget?: number | undefined;
    readonly timeBudgetSeconds?: number | undefined;
  };
  readonly approvals: {
    readonly rules?: readonly ApprovalRule[] | undefined;
    readonly tools?: readonly string[] | undefined;
    readonly timeoutSeconds?: number | undefined;
  };
  /** Tool servers next to those of the settings, or instead of those with the same name. */
  readonly mcp: { readonly servers?: readonly McpServer[] | undefined };
  /** The sandbox of its sessions. */
  readonly sandbox: {
    readonly image?: string | undefined;
    /** `auto`: as soon as the server has built its image. */
    readonly desktop?: boolean | 'auto' | undefined;
    /** In bytes. */
    readonly memory?: number | undefined;
    readonly cpus?: number | undefined;
    readonly pids?: number | undefined;
    /** In bytes. */
    readonly disk?: number | undefined;
    /** Unused for so long, the sandbox is stopped; its files stay. */
    readonly idleSeconds?: number | undefined;
  };
  readonly packages: Packages;
  /** Containers of other images next to its sandboxes, by their names. */
  readonly services?: Services | undefined;
  /** The name of the egress policy of its sandboxes, and the policy's list. */
  readonly egress: { readonly policy?: string | undefined; readonly allow?: readonly string[] | undefined };
  /** The children that its agent can have at work at once; unset: it cannot delegate. */
  readonly children?: number | undefined;
  /** Whether its agents have notes that outlive their sessions; unset: as the settings say. */
  readonly memory?: 'off' | 'read' | 'write' | undefined;
  /** Shared skills of its agents: `pdf`, or `pdf@3` for one of its versions. */
  readonly skills?: readonly string[] | undefined;
  /** The repositories that its sessions begin with, unless their creator names some. */
  readonly repositories?: readonly RepositoryInput[] | undefined;
  /** The volumes of a new session, by the names that its owner has for them. */
  readonly volumes?: readonly MountRequest[] | undefined;
  readonly tools: {
    /** Names, groups and globs; undefined: all. */
    readonly allow?: readonly string[] | undefined;
    readonly deny?: readonly string[] | undefined;
    /** The tools for keyboard and mouse; `auto`: in the shape that the model's provider knows. */
    readonly computer?: 'off' | 'claude' | 'gemini' | 'auto' | undefined;
  };
}
