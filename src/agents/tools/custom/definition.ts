// The module `corral/tools`, for operators' own tools. Imports no server code.
import { z } from 'zod';

export { z };

export interface ExecOptions {
  /** The command's time limit. Default: the call's remaining time. */
  readonly timeoutSeconds?: number;
}
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}
/** The session's sandbox. Paths are absolute, or relative to the workspace. */
export interface ToolSandbox {
  /** The path of the workspace. */
  readonly workdir: string;
  /** Runs a command with Bash, in the workspace. */
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  readFile(path: string): Promise<Uint8Array>;
  /** Replaces the file and creates missing folders. */
  writeFile(path: string, content: string | Uint8Array): Promise<void>;
}
export interface CustomToolContext {
  readonly sandbox: ToolSandbox;
  /** Writes a line to the session's log, as live output of the call. */
  log(line: string): void;
  /** Aborts when the run is stopped or the call takes too long. */
  readonly signal: AbortSignal;
}

/** Text for the model. `ok: false` reports a failure that the model can act on. */
export type CustomToolResult = string | { readonly ok: boolean; readonly output: string };

export interface CustomTool<Schema extends z.ZodObject = z.ZodObject> {
  /** The name shown to the model: a-z, 0-9 and _. Default: the file name without its extension, with `_` for `-`. */
  readonly name?: string;
  /** The verb that users see before the call's object, such as `Read`. */
  readonly label?: string;
  /** Explains to the model what the tool does and when to use it. */
  readonly description: string;
  /** The schema of the arguments, checked before `run`. The model gets the errors. */
  readonly parameters: Schema;
  /**
   * Allowing this group turns the tool on. Without a group, the tool needs no `allow`. In both cases, a template's
   * `deny` or the setting `tools.deny` can exclude it.
   */
  readonly group?: 'bash' | 'file_read' | 'file_write' | 'file_edit' | 'search' | 'browser';
  run(context: CustomToolContext, args: z.output<Schema>): Promise<CustomToolResult>;
}

/** Defines a tool with typed arguments. Make the result the module's default export. */
export const defineTool = <Schema extends z.ZodObject>(tool: CustomTool<Schema>): CustomTool<Schema> => tool;
