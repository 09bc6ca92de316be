/** A value that code shows, in several forms by MIME type. Bytes are base64. */
export interface CodeResult {
  /** The value of the last expression. */
  readonly isMain: boolean;
  readonly data: Readonly<Record<string, string>>;
}
/** Receives the output of an execution as it arrives. */
export interface CodeListener {
  onText(stream: 'stdout' | 'stderr', text: string): void;
  onResult(result: CodeResult): void;
  /** The execution begins; the number is its place in the kernel. */
  onStart?(count: number): void;
  /** The kernel's output waits until it resolves. */
  room?(): Promise<unknown>;
}
export interface CodeCell {
  readonly code: string;
  readonly timeoutMs: number;
  readonly listener: CodeListener;
  /** Environment variables for this cell only. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute. A kernel that starts for this cell works here, if its context names no folder. */
  readonly folder?: string;
}
interface CodeEnd {
  /** `timed_out` and `cancelled`: it was interrupted. `died`: the kernel ended. */
  readonly ended: 'whole' | 'timed_out' | 'cancelled' | 'died';
  readonly error: { readonly name: string; readonly value: string; readonly traceback: string } | undefined;
  /** The exit code of a kernel that died. */
  readonly exitCode: number | undefined;
}
export type CodeLanguage = 'python' | 'javascript' | 'typescript' | 'bash';
interface CodeContext {
  readonly id: string;
  readonly language: CodeLanguage;
  readonly cwd?: string | undefined;
  /** The folder can lie outside of the workspace. */
  readonly isAnywhere?: boolean;
}
/** The kernels of a sandbox, which keep their variables. Methods with an id reject with not_found. */
export interface CodeContexts {
  list(): readonly CodeContext[];
  /** Rejects: conflict (there are 16 already). */
  create(context: CodeContext): CodeContext;
  /** Runs a cell after the earlier ones of its context. The signal interrupts it. */
  execute(id: string, cell: CodeCell, signal: AbortSignal): Promise<CodeEnd>;
  /** Ends the kernel; the next cell finds no variables. */
  restart(id: string): Promise<void>;
  remove(id: string): Promise<void>;
}
