import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { ServiceRules } from './rules.ts';

/** A value displayed by code, in one or more formats, keyed by MIME type. Bytes are base64. */
export interface CodeResult {
  readonly isMain: boolean;
  readonly data: Readonly<Record<string, string>>;
}
export interface CodeListener {
  onText(stream: 'stdout' | 'stderr', text: string): void;
  onResult(result: CodeResult): void;
  /** Called when execution begins, with the kernel's execution count. */
  onStart?(count: number): void;
  /** The kernel's output is paused until the promise resolves. */
  room?(): Promise<unknown>;
}
export interface CodeCell {
  readonly code: string;
  readonly timeoutMs: number;
  readonly listener: CodeListener;
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute working directory for a kernel started for this cell, unless its context sets `cwd`. */
  readonly folder?: string;
}
interface CodeEnd {
  /** `timed_out` and `cancelled`: the cell was interrupted. `died`: the kernel exited. */
  readonly ended: 'whole' | 'timed_out' | 'cancelled' | 'died';
  readonly error: { readonly name: string; readonly value: string; readonly traceback: string } | undefined;
  readonly exitCode: number | undefined;
}
export type CodeLanguage = 'python' | 'javascript' | 'typescript' | 'bash';
interface CodeContext {
  readonly id: string;
  readonly language: CodeLanguage;
  readonly cwd?: string | undefined;
  /** Whether `cwd` can be outside the workspace. */
  readonly isAnywhere?: boolean;
}
/** The code contexts of a sandbox. Each has a kernel that keeps its variables. Methods with an id reject with not_found. */
export interface CodeContexts {
  list(): readonly CodeContext[];
  /**
   * Returns the existing context with this id, if any. Throws: conflict (it has another language, or 16 contexts exist
   * already).
   */
  create(context: CodeContext): CodeContext;
  /** Runs a cell after the earlier cells of its context. The signal interrupts it. */
  execute(id: string, cell: CodeCell, signal: AbortSignal): Promise<CodeEnd>;
  /** Stops the kernel. The next cell starts without variables. */
  restart(id: string): Promise<void>;
  remove(id: string): Promise<void>;
}

export type { FileChange, JobEnd, JobEntry, PathEntry } from '../../sandboxes/client/abilities.ts';

/** A session's sandbox, which is in use until this handle is disposed. */
export interface SandboxHandle
  extends AsyncDisposable,
    Pick<SandboxClient, 'jobs' | 'paths' | 'watches' | 'ports' | 'workdir'> {
  readonly code: CodeContexts;
}
export interface SandboxHandleService {
  /** Resolves if the caller has access. Rejects: session_not_found, forbidden. */
  admits(id: SessionId): Promise<void>;
  /** Starts the sandbox if it is not running. Rejects: sandbox_unavailable, cancelled. */
  enter(id: SessionId, signal: AbortSignal): Promise<SandboxHandle>;
}

export const sandboxHandleRules: ServiceRules<SandboxHandleService> = {
  admits: { may: 'work', audit: null },
  enter: { may: 'work', audit: 'look' },
};
