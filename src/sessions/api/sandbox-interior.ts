import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { ServiceRules } from './rules.ts';

/** Formats of one value, keyed by MIME type. Binary data is base64-encoded. */
export interface CodeResult {
  readonly isMain: boolean;
  readonly data: Readonly<Record<string, string>>;
}
export interface CodeListener {
  onText(stream: 'stdout' | 'stderr', text: string): void;
  onResult(result: CodeResult): void;
  /** `count`: the kernel's execution count. */
  onStart?(count: number): void;
  /** Called after each chunk of output; the kernel's output then pauses until the promise resolves. */
  room?(): Promise<unknown>;
}
export interface CodeCell {
  readonly code: string;
  readonly timeoutMs: number;
  readonly listener: CodeListener;
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute working directory of a kernel started for this cell. A context's `cwd` takes precedence. */
  readonly folder?: string;
}
interface CodeEnd {
  readonly ended: 'whole' | 'timed_out' | 'cancelled' | 'died';
  readonly error: { readonly name: string; readonly value: string; readonly traceback: string } | undefined;
  readonly exitCode: number | undefined;
}
export type CodeLanguage = 'python' | 'javascript' | 'typescript' | 'bash';
interface CodeContext {
  readonly id: string;
  readonly language: CodeLanguage;
  readonly cwd?: string | undefined;
  /** Whether `cwd` may be outside the workspace. */
  readonly isAnywhere?: boolean;
}
/** Each context has its own kernel. Methods with an id reject with not_found. */
export interface CodeContexts {
  list(): readonly CodeContext[];
  /** Returns any existing context with the same id. Throws: conflict (its language differs, or 16 others exist). */
  create(context: CodeContext): CodeContext;
  /** Runs after the context's earlier cells. The signal interrupts the cell. */
  execute(id: string, cell: CodeCell, signal: AbortSignal): Promise<CodeEnd>;
  restart(id: string): Promise<void>;
  remove(id: string): Promise<void>;
}

export type { FileChange, JobEnd, JobEntry, PathEntry } from '../../sandboxes/client/abilities.ts';

/** Keeps the session's sandbox in use until disposed. */
export interface SandboxHandle
  extends AsyncDisposable,
    Pick<SandboxClient, 'jobs' | 'paths' | 'watches' | 'ports' | 'workdir'> {
  readonly code: CodeContexts;
}
export interface SandboxHandleService {
  /** Rejects with session_not_found or forbidden if the caller has no access. */
  admits(id: SessionId): Promise<void>;
  /** Starts the sandbox if it is not running. Rejects: sandbox_unavailable, cancelled. */
  enter(id: SessionId, signal: AbortSignal): Promise<SandboxHandle>;
}

export const sandboxHandleRules: ServiceRules<SandboxHandleService> = {
  admits: { may: 'work', audit: null },
  enter: { may: 'work', audit: 'look' },
};
