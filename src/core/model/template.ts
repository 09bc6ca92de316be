import type { ApprovalRule } from './approval-rule.ts';
import type { Packages } from './packages.ts';
import type { RepositoryInput } from './repository.ts';
import type { MountRequest } from './sandboxes/volume.ts';
import type { ServiceRecipes } from './services/recipe.ts';
import type { McpServer } from './tool-server.ts';

/**
 * The recipe for an agent. Unset fields fall back to the project or the server.
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
  /** Shown by OpenCodex clients, which list only templates with an environment. */
  readonly environment?: string | undefined;
  readonly mode?: 'plan-act' | 'react' | undefined;
  /** A program in the image that speaks the Agent Client Protocol. */
  readonly agent: {
    readonly kind?: 'acp' | undefined;
    readonly command?: readonly string[] | undefined;
    readonly auth?: string | undefined;
    readonly mode?: string | undefined;
    /** Environment variables that can hold the API key. A secret must set at least one of them. */
    readonly keys?: readonly string[] | undefined;
  };
  readonly prompt?: string | undefined;
  /** Parts that replace those of the same name from the server and its `prompts` folder. */
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
  /** Limits for all runs of a session together. */
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
  /** Adds to the servers in the settings and replaces those of the same name. */
  readonly mcp: { readonly servers?: readonly McpServer[] | undefined };
  readonly sandbox: {
    readonly image?: string | undefined;
    /** `auto`: on once the server has built the desktop image. */
    readonly desktop?: boolean | 'auto' | undefined;
    /** Bytes. */
    readonly memory?: number | undefined;
    readonly cpus?: number | undefined;
    readonly pids?: number | undefined;
    /** Bytes. */
    readonly disk?: number | undefined;
    /** Idle timeout in seconds, after which the sandbox stops and keeps its files. */
    readonly idleSeconds?: number | undefined;
  };
  readonly packages: Packages;
  readonly services?: ServiceRecipes | undefined;
  readonly egress: { readonly policy?: string | undefined; readonly allow?: readonly string[] | undefined };
  /** Maximum concurrent children of an agent. If unset, the agent cannot delegate. */
  readonly children?: number | undefined;
  /** Access to notes that outlive their sessions. If unset, the settings decide. */
  readonly memory?: 'off' | 'read' | 'write' | undefined;
  /** `pdf`, or `pdf@3` for a specific version. */
  readonly skills?: readonly string[] | undefined;
  readonly repositories?: readonly RepositoryInput[] | undefined;
  /** By id or name. */
  readonly volumes?: readonly MountRequest[] | undefined;
  readonly tools: {
    /** Names, groups and globs; undefined allows all tools. */
    readonly allow?: readonly string[] | undefined;
    readonly deny?: readonly string[] | undefined;
    /** The format of keyboard and mouse tools; `auto` depends on the model's provider. */
    readonly computer?: 'off' | 'claude' | 'gemini' | 'auto' | undefined;
  };
}
