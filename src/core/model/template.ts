import type { ApprovalRule } from './approval-rule.ts';
import type { Packages } from './packages.ts';
import type { RepositoryInput } from './repository.ts';
import type { MountRequest } from './sandboxes/volume.ts';
import type { ServiceRecipes } from './services/recipe.ts';
import type { McpServer } from './tool-server.ts';

/**
 * The recipe for an agent. A session refers to it by name. An unset field falls back to the project or the server.
 *
 * @example
 * name: review
 * label: Code review
 * prompt: Read the change and name its faults.
 * model: openai/gpt-5
 */
export interface Template {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** The environment shown by OpenCodex clients; they list only templates that have one. */
  readonly environment?: string | undefined;
  /** `plan-act`: a plan first; `react`: the agent chooses each next action. */
  readonly mode?: 'plan-act' | 'react' | undefined;
  /** A program in the image that runs its own agent loop and speaks the Agent Client Protocol. */
  readonly agent: {
    readonly kind?: 'acp' | undefined;
    readonly command?: readonly string[] | undefined;
    readonly auth?: string | undefined;
    readonly mode?: string | undefined;
    /** The variables that can hold the program's API key; a secret must set at least one of them. */
    readonly keys?: readonly string[] | undefined;
  };
  readonly prompt?: string | undefined;
  /** Prompt parts by name, which replace those of the server and of its `prompts` folder. */
  readonly promptParts?: Readonly<Record<string, string>> | undefined;
  /** `demo` or `provider/model`. */
  readonly model?: string | undefined;
  readonly models: { readonly fallbacks?: readonly string[] | undefined };
  readonly maxSteps?: number | undefined;
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
  /** Tool servers in addition to those in the settings. A server here replaces one of the same name in the settings. */
  readonly mcp: { readonly servers?: readonly McpServer[] | undefined };
  readonly sandbox: {
    readonly image?: string | undefined;
    /** `auto`: on as soon as the server has built the desktop image. */
    readonly desktop?: boolean | 'auto' | undefined;
    /** In bytes. */
    readonly memory?: number | undefined;
    readonly cpus?: number | undefined;
    readonly pids?: number | undefined;
    /** In bytes. */
    readonly disk?: number | undefined;
    /** Idle time after which the sandbox is stopped; its files stay. */
    readonly idleSeconds?: number | undefined;
  };
  readonly packages: Packages;
  readonly services?: ServiceRecipes | undefined;
  readonly egress: { readonly policy?: string | undefined; readonly allow?: readonly string[] | undefined };
  /** Maximum number of children that an agent can run at the same time; unset: it cannot delegate. */
  readonly children?: number | undefined;
  /** The access of the template's agents to notes that outlive their sessions; unset: as in the settings. */
  readonly memory?: 'off' | 'read' | 'write' | undefined;
  /** The shared skills of the template's agents: `pdf`, or `pdf@3` for one version. */
  readonly skills?: readonly string[] | undefined;
  /** The repositories of sessions with this template, unless the session's creator chooses others. */
  readonly repositories?: readonly RepositoryInput[] | undefined;
  /** The volumes that a new session mounts, by id or name. */
  readonly volumes?: readonly MountRequest[] | undefined;
  readonly tools: {
    /** Names, groups and globs; undefined: all. */
    readonly allow?: readonly string[] | undefined;
    readonly deny?: readonly string[] | undefined;
    /** The format of the keyboard and mouse tools; `auto`: the one that the model's provider supports. */
    readonly computer?: 'off' | 'claude' | 'gemini' | 'auto' | undefined;
  };
}
