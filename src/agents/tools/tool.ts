import { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { PlanStep, ToolContent, ToolFamily } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { AgentBrowser, PictureBytes } from '../browser/browser.ts';
import type { ChildSessions } from './delegation/child-runs.ts';
import type { AgentMemory } from './memory/agent-memory.ts';

/** Resolves when no person has control of the desktop's keyboard and mouse. Await it before sending automatic input. */
export type AutomaticInputGate = (signal: AbortSignal) => Promise<void>;

/** Everything that a tool can use. The server's network and the driver are not included. */
export interface ToolContext {
  readonly sessionId: SessionId;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly sandbox: SandboxClient;
  /** The id of the operation in the sandbox. An operation with the same id is never executed twice. */
  readonly operationId: string;
  /** Marks every process that the run starts, so that all of them can be found when the run is stopped. */
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
  /** Stores a picture as a file of the session. Undefined if it could not be stored; that is not a tool failure. */
  readonly keepPicture?: (picture: PictureBytes) => Promise<StoredPicture | undefined>;
  readonly onOutput: (text: string) => void;
  /** Reports the child session that the call started, before the call waits for it. */
  readonly onChild?: (child: string) => Promise<void>;
  /** Number of bytes (UTF-8) of live output that were already reported. `reattach` continues after them. */
  readonly fromByte?: number;
}

/** `version` is null for a workspace skill. */
export interface SkillFileContent {
  readonly name: string;
  readonly file: string;
  readonly source: 'uploaded' | 'workspace';
  readonly version: string | null;
  /** In the sandbox, relative to the workspace. */
  readonly folder: string;
  readonly text: string;
}
/** Rejects: not_found (no such skill), file_not_found, path_outside, invalid_request (the file is not text). */
export type SkillReader = (name: string, file: string, signal: AbortSignal) => Promise<SkillFileContent>;

export interface StoredPicture {
  readonly file: string;
  readonly url: string;
  readonly mimeType: string;
}

export interface PullRequestDraft {
  /** The folder of the repository. Default: the only repository that the session can write. */
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
/** Pushes the branch and opens its pull request. If one is already open, it gets the new commits and is returned. */
export type PullRequestOpener = (requested: PullRequestDraft, signal: AbortSignal) => Promise<OpenedPullRequest>;

/**
 * A failure that the model can handle is a value. An exception means a bug or a lost sandbox, and ends the turn.
 *
 * @example return { ok: false, reason: 'not_found', output: 'There is no notes.txt.' };
 */
export type ToolResult = ToolOutcome & {
  readonly content?: ToolContent | null;
  readonly exitCode?: number;
  /** Explains to the model how to read the remaining text when its view of `output` is truncated. */
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

/** Corral's APIs and settings contain these names, so changing one breaks clients and settings files. */
export const toolGroups = ['bash', 'file_read', 'file_write', 'file_edit', 'search', 'browser'] as const;
export type ToolGroup = (typeof toolGroups)[number];

/**
 * Something that a tool needs from the server or session. A model is never offered a tool whose needs are not met.
 * `repository`: the session has a writable one. `skill`: the session has skills. `children`: the agent can delegate. `memory`:
 * the agent can read notes that outlive the session. `memory_write`: the agent can also change them.
 */
export type ToolRequirement = 'sandbox' | 'desktop' | 'repository' | 'skill' | 'children' | 'memory' | 'memory_write';

/** `path` converts a sandbox path to the facade's form. */
export type FacadeCallMapper = (
  args: Args,
  path: (input: unknown) => unknown,
) => { readonly name: string; readonly args: Args };

export interface ToolDescription {
  /** Lower case, digits and `_`. Names that start with `mcp_` belong to tool servers. */
  readonly name: string;
  readonly family: ToolFamily;
  /** The group that turns the tool on in projects. `always`: no project can turn it off. */
  readonly group: ToolGroup | 'always';
  /** The verb shown to people before the call's object, such as `Read` before a file name. */
  readonly label: string;
  readonly description: string;
  readonly parameters: object; // A JSON Schema for the model.
  restore?(args: unknown): unknown;
  readonly needs: readonly ToolRequirement[];
  /** Calls need a person's approval, unless an approval rule allows or denies them. */
  readonly asksFirst?: boolean;
  /**
   * Once a session has read untrusted text, calls need approval even if a rule allows them, because the tool affects later
   * sessions.
   */
  readonly asksAfterStrangers?: boolean;
  /**
   * The calls are executed elsewhere, and the run waits for their results. `program`: by the program that created the
   * session, without approval. `worker`: by a worker of the session's environment, once a call is approved.
   */
  readonly byClient?: 'program' | 'worker';
  readonly native?:
    | { readonly kind: 'computer'; readonly width: number; readonly height: number }
    | { readonly kind: 'screen_action' };
  /**
   * Calls of one turn with the same key run in the model's order; calls with different keys can run concurrently. Null: can run
   * concurrently with any call. `args` is the model's input, unchecked.
   */
  orderKey(args: unknown): string | null;
  /** By facade: converts a call to the facade's own name and arguments. Without an entry, the tool's own are used. */
  readonly calledIn: Partial<Readonly<Record<ToolNamingScheme, FacadeCallMapper>>>;
}
export type ToolNamingScheme = 'conversation' | 'opencodex';

export interface Tool extends ToolDescription {
  run(ctx: ToolContext, args: unknown): Promise<ToolResult>;
  /** Resumes an operation that an earlier server started. Output continues from `fromByte`. */
  reattach?(ctx: ToolContext, args: unknown): Promise<ToolResult>;
  /** The text that the call would write, and the current text, to show to the approver. Undefined: nothing to show. */
  proposal?(ctx: Pick<ToolContext, 'memory'>, args: unknown): Promise<ToolContent | undefined>;
}

export interface UnsupportedTool {
  /** The name of the tool server. Absent for a custom tool of the session's agent. */
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
    // Created on first read, because creating the schemas of all tools takes 20 ms at startup.
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
