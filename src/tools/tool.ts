import { z } from 'zod';
import type { AgentBrowser, PictureBytes } from '../browser/browser.ts';
import type { ToolContent, ToolFamily } from '../core/events.ts';
import type { SandboxClient } from '../sandbox/client.ts';

/** Resolves when no person has the desktop's keyboard and mouse; what types or points there on its own awaits it first. */
export type ControlGate = (signal: AbortSignal) => Promise<void>;

/** The abilities of a tool: no clock, no network, no driver, only the sandbox it runs in. */
export interface ToolContext {
  readonly signal: AbortSignal;
  readonly sandbox: SandboxClient;
  /** Names the operation in the sandbox's journal: the same id is never executed twice. */
  readonly operationId: string;
  /** Everything started for the run carries it, so that a stop finds all of it. */
  readonly runId: string;
  readonly timeoutMs: number;
  readonly gate?: ControlGate;
  /** The browser of the sandbox's desktop; absent where it has none. */
  readonly browser?: AgentBrowser;
  /** Keeps a picture as a file of the session; undefined where it could not be kept, which is no failure of the tool. */
  readonly keepPicture?: (picture: PictureBytes) => Promise<KeptPicture | undefined>;
  /** Live output, as it comes. */
  readonly onOutput: (text: string) => void;
  /** For `reattach`: how many bytes (UTF-8) of live output were told before. */
  readonly fromByte?: number;
}

/** A picture as a file of the session. */
export interface KeptPicture {
  readonly file: string;
  readonly url: string;
  readonly mimeType: string;
}

/** Failure the model can act on is a value. A throw means a bug of ours or a lost sandbox, and ends the turn. */
export type ToolResult = ToolOutcome & {
  readonly content?: ToolContent | null;
  readonly exitCode?: number;
  /** For the model, where its view of `output` is cut: how to get at the rest. */
  readonly rest?: string;
  /** The pictures that the model sees beside `output`, where it takes pictures. */
  readonly pictures?: readonly KeptPicture[];
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

export interface Tool {
  readonly name: string;
  readonly family: ToolFamily;
  readonly description: string;
  readonly parameters: object; // JSON Schema, as the model sees it
  run(ctx: ToolContext, args: unknown): Promise<ToolResult>;
  /** Goes on with an operation that an earlier server began, where that has a meaning; output from the given byte on. */
  reattach?(ctx: ToolContext, args: unknown): Promise<ToolResult>;
}

export function defineTool<Schema extends z.ZodObject>(definition: {
  name: string;
  family: ToolFamily;
  description: string;
  parameters: Schema;
  run(ctx: ToolContext, args: z.output<Schema>): Promise<ToolResult>;
  reattach?(ctx: ToolContext, args: z.output<Schema>): Promise<ToolResult>;
}): Tool {
  const { name, family, description, parameters, reattach } = definition;
  const parsed = async (args: unknown, act: (args: z.output<Schema>) => Promise<ToolResult>): Promise<ToolResult> => {
    const { data, error } = parameters.safeParse(args);
    if (error) return { ok: false, reason: 'bad_arguments', output: z.prettifyError(error) };
    return await act(data as z.output<Schema>);
  };
  return {
    name,
    family,
    description,
    parameters: z.toJSONSchema(parameters, { io: 'input' }),
    run: (ctx, args) => parsed(args, (data) => definition.run(ctx, data)),
    ...(reattach && { reattach: (ctx, args) => parsed(args, (data) => reattach(ctx, data)) }),
  };
}
