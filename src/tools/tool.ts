import { z } from 'zod';
import type { AgentBrowser, PictureBytes } from '../browser/browser.ts';
import type { ToolContent, ToolFamily } from '../core/events.ts';
import type { SandboxClient } from '../sandbox/client.ts';

/** Resolves when no person has the desktop's keyboard and mouse. Await it before automatic input. */
export type ControlGate = (signal: AbortSignal) => Promise<void>;

/** Everything that a tool can use: no clock, network or driver, only its sandbox. */
export interface ToolContext {
  readonly signal: AbortSignal;
  readonly sandbox: SandboxClient;
  /** The id of the operation in the sandbox: the same id is never executed twice. */
  readonly operationId: string;
  /** Marks every process that the run starts, so that a stop finds all of them. */
  readonly runId: string;
  readonly timeoutMs: number;
  readonly gate?: ControlGate;
  /** The browser of the sandbox's desktop; absent if it has none. */
  readonly browser?: AgentBrowser;
  /** Stores a picture as a file of the session. Undefined if that failed, which is no failure of the tool. */
  readonly keepPicture?: (picture: PictureBytes) => Promise<KeptPicture | undefined>;
  /** Receives live output as it arrives. */
  readonly onOutput: (text: string) => void;
  /** For `reattach`: the number of bytes (UTF-8) of live output that were reported before. */
  readonly fromByte?: number;
}

/** A picture, stored as a file of the session. */
export interface KeptPicture {
  readonly file: string;
  readonly url: string;
  readonly mimeType: string;
}

/** A failure that the model can handle is a value. A throw is our own bug or a lost sandbox, and ends the turn. */
export type ToolResult = ToolOutcome & {
  readonly content?: ToolContent | null;
  readonly exitCode?: number;
  /** For the model when its view of `output` is cut: how to read the rest. */
  readonly rest?: string;
  /** The pictures for the model next to `output`, if it accepts pictures. */
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
  readonly parameters: object; // JSON Schema for the model
  run(ctx: ToolContext, args: unknown): Promise<ToolResult>;
  /** Resumes an operation that an earlier server began, if the tool can; output from the given byte on. */
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
