import { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { PlanStep, ToolContent, ToolFamily } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { AgentBrowser, PictureBytes } from '../browser/browser.ts';
import type { ChildSessions } from './delegation/child-runs.ts';
import type { AgentMemory } from './memory/agent-memory.ts';

/** Resolves when no user controls the desktop. Await it before sending automatic input. */
export type AutomaticInputGate = (signal: AbortSignal) => Promise<void>;

/** Gives access to neither the server's network nor the driver. */
export interface ToolContext {
  readonly sessionId: SessionId;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly sandbox: SandboxClient;
  /** An operation with the same id never runs twice. */
  readonly operationId: string;
  /** Marks the run's processes, so that a stop finds all of them. */
  readonly runId: string;
  readonly timeoutMs: number;
  readonly gate?: AutomaticInputGate;
  readonly browser?: AgentBrowser;
  readonly plan?: readonly PlanStep[];
  readonly pullRequests?: PullRequestOpener;
  readonly children?: ChildSessions;
  readonly skills?: SkillReader;
  readonly memory?: AgentMemory;
  readonly isApproved?: boolean;
  /** Undefined if the image could not be stored, which is not a tool failure. */
  readonly keepPicture?: (picture: PictureBytes) => Promise<StoredPicture | undefined>;
  readonly onOutput: (text: string) => void;
  readonly onChild?: (child: string) => Promise<void>;
  /** Number of UTF-8 bytes of live output already reported. `reattach` continues after them. */
  readonly fromByte?: number;
}

export interface SkillFileContent {
  readonly name: string;
  readonly file: string;
  readonly source: 'uploaded' | 'workspace';
  readonly version: string | null;
  /** Relative to the workspace. */
  readonly folder: string;
  readonly text: string;
}
/** Rejects with not_found (no such skill), file_not_found, path_outside or invalid_request (not text). */
export type SkillReader = (name: string, file: string, signal: AbortSignal) => Promise<SkillFileContent>;

export interface StoredPicture {
  readonly file: string;
  readonly url: string;
  readonly mimeType: string;
}

export interface PullRequestDraft {
  /** Default: the only repository that the session can write to. */
  readonly repository?: string;
  readonly title: string;
  readonly text: string;
  readonly base?: string;
  readonly draft: boolean;
}
export interface OpenedPullRequest {
  readonly number: number;
  readonly url: string;
  readonly title: string;
  readonly branch: string;
  readonly base: string;
  readonly draft: boolean;
}
/** Pushes the branch, and opens a pull request if none is open. */
export type PullRequestOpener = (requested: PullRequestDraft, signal: AbortSignal) => Promise<OpenedPullRequest>;

/**
 * Tools return failures that the model can handle. An exception means a bug or a lost sandbox, and ends the turn.
 *
 * @example
 * return { ok: false, reason: 'not_found', output: 'There is no notes.txt.' };
 */
export type ToolResult = ToolOutcome & {
  readonly content?: ToolContent | null;
  readonly exitCode?: number;
  /** Explains to the model how to read the truncated part of `output`. */
  readonly rest?: string;
  readonly plan?: { readonly steps: readonly PlanStep[]; readonly result?: string };
  readonly pictures?: readonly Pick<StoredPicture, 'file' | 'mimeType'>[];
  /** The address of the page on the screen after the call. */
  readonly page?: string;
  readonly skill?: Omit<SkillFileContent, 'text' | 'folder'>;
};
type ToolOutcome =
  | { readonly ok: true; readonly output: string }
  | {
      readonly ok: false;
      readonly output: string;
      readonly reason:
        | 'bad_arguments'
        | 'not_found'
        | 'refused'
        | 'failed'
        | 'timed_out'
        | 'oom'
        | 'cancelled'
        | 'interrupted';
    };

type Args = Readonly<Record<string, unknown>>;

/** APIs and settings contain these names, so changing one breaks clients and settings files. */
export const toolGroups = ['bash', 'file_read', 'file_write', 'file_edit', 'search', 'browser'] as const;
export type ToolGroup = (typeof toolGroups)[number];

/** `repository`: a writable one. `memory`: notes that outlive the session. `memory_write`: the right to change them. */
export type ToolRequirement = 'sandbox' | 'desktop' | 'repository' | 'skill' | 'children' | 'memory' | 'memory_write';

export type FacadeCallMapper = (
  args: Args,
  path: (input: unknown) => unknown,
) => { readonly name: string; readonly args: Args };

export interface ToolDescription {
  /** Lowercase letters, digits and `_`. The prefix `mcp_` is reserved for tool servers. */
  readonly name: string;
  readonly family: ToolFamily;
  /** `always`: no project can turn the tool off. */
  readonly group: ToolGroup | 'always';
  /** Shown to users before what the call acts on, such as `Read` in `Read notes.txt`. */
  readonly label: string;
  readonly description: string;
  readonly parameters: object;
  restore?(args: unknown): unknown;
  readonly needs: readonly ToolRequirement[];
  /** Calls need a user's approval, unless an approval rule allows or denies them. */
  readonly asksFirst?: boolean;
  /** Once the session has read untrusted text, calls need approval even if a rule allows them. */
  readonly asksAfterStrangers?: boolean;
  /**
   * `program`: the session's creator executes calls, without approval. `worker`: a worker of the environment executes
   * approved calls.
   */
  readonly byClient?: 'program' | 'worker';
  readonly native?:
    | { readonly kind: 'computer'; readonly width: number; readonly height: number }
    | { readonly kind: 'screen_action' };
  /** Calls with the same key run in order within a turn. Null imposes no order. `args` is unchecked. */
  orderKey(args: unknown): string | null;
  /** The call as each facade's clients see it. Default: the tool's own name and arguments. */
  readonly calledIn: Partial<Readonly<Record<ToolNamingScheme, FacadeCallMapper>>>;
}
export type ToolNamingScheme = 'conversation' | 'opencodex';

export interface Tool extends ToolDescription {
  run(ctx: ToolContext, args: unknown): Promise<ToolResult>;
  /** Resumes an operation that an earlier server process started. Output continues from `fromByte`. */
  reattach?(ctx: ToolContext, args: unknown): Promise<ToolResult>;
  /** The current text and the text that the call would write, for the approver. */
  proposal?(ctx: Pick<ToolContext, 'memory'>, args: unknown): Promise<ToolContent | undefined>;
}

export interface UnsupportedTool {
  /** Absent for a custom tool of the session's agent. */
  readonly server?: string;
  readonly tool: string;
  readonly reason: string;
}

type ToolSummary = Pick<ToolDescription, 'name' | 'family' | 'group' | 'label' | 'description'> &
  Partial<Pick<ToolDescription, 'needs' | 'calledIn' | 'asksFirst' | 'asksAfterStrangers'>>;

export function describeTool<Schema extends z.ZodObject>({
  parameters,
  orderKey,
  ...described
}: ToolSummary & {
  parameters: Schema;
  orderKey?: ((args: Args) => string | null) | undefined;
}): ToolDescription {
  let schema: object | undefined;
  return {
    needs: ['sandbox'],
    calledIn: {},
    ...described,
    // Lazy, because building all tools' schemas would take 20 ms at startup.
    get parameters() {
      schema ??= z.toJSONSchema(parameters, { io: 'input' });
      return schema;
    },
    orderKey: (args) => (orderKey ? orderKey(isObject(args) ? args : {}) : described.family),
  };
}

export function defineTool<Schema extends z.ZodObject>({
  run,
  reattach,
  proposal,
  ...described
}: Parameters<typeof describeTool<Schema>>[0] & {
  run(ctx: ToolContext, args: z.output<Schema>): Promise<ToolResult>;
  reattach?(ctx: ToolContext, args: z.output<Schema>): Promise<ToolResult>;
  proposal?(ctx: Pick<ToolContext, 'memory'>, args: z.output<Schema>): Promise<ToolContent | undefined>;
}): Tool {
  const parsed = async (args: unknown, act: (args: z.output<Schema>) => Promise<ToolResult>): Promise<ToolResult> => {
    const { data, error } = described.parameters.safeParse(args);
    if (error) return { ok: false, reason: 'bad_arguments', output: z.prettifyError(error) };
    return await act(data as z.output<Schema>);
  };
  return Object.assign(describeTool(described), {
    run: (ctx: ToolContext, args: unknown) => parsed(args, (data) => run(ctx, data)),
    ...(reattach && {
      reattach: (ctx: ToolContext, args: unknown) => parsed(args, (data) => reattach(ctx, data)),
    }),
    ...(proposal && {
      proposal: async (ctx: Pick<ToolContext, 'memory'>, args: unknown) => {
        const { data } = described.parameters.safeParse(args);
        return data && (await proposal(ctx, data as z.output<Schema>));
      },
    }),
  });
}

const isObject = (value: unknown): value is Args => typeof value === 'object' && value !== null;
