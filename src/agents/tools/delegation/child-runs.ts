import type { Goal } from '../../../core/model/runs/goal.ts';

export interface ChildTask {
  readonly task: string;
  /** A template for the child's instructions, model and tools. Undefined: the parent's. */
  readonly template?: string | undefined;
  readonly agent?: string | undefined;
  /** `copy`: the child starts with the parent's current files. */
  readonly files: 'copy' | 'none';
  readonly goal?: Goal | undefined;
  readonly budget?:
    | {
        readonly turns?: number | undefined;
        readonly tokens?: number | undefined;
        readonly cost?: number | undefined;
        readonly toolCalls?: number | undefined;
      }
    | undefined;
}
export interface ChildState {
  readonly id: string;
  readonly title: string;
  /** `waiting`: for an answer from the parent, or for a person. */
  readonly state: 'running' | 'waiting' | 'completed' | 'stopped' | 'failed';
  readonly question?: string;
  readonly lastWords: string;
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
  readonly toolCalls: number;
  /** The files that differ from the child's initial files, each with a letter: A, M or D. Empty while the child runs. */
  readonly changes: readonly string[];
}
/** The ids are those that `start` returned. */
export interface ChildSessions {
  /**
   * Repeated calls with the same call id start only one child. Rejects: invalid_request (an unknown template or agent),
   * conflict (nested too deep, too many children, or no budget left).
   */
  start(callId: string, task: ChildTask, signal: AbortSignal): Promise<string>;
  /**
   * With `wait`, resolves once the child's run has ended or is waiting for something other than an approval. Rejects with
   * not_found if the child no longer exists.
   */
  look(id: string, wait: boolean, signal: AbortSignal): Promise<ChildState>;
  list(): Promise<readonly string[]>;
  send(id: string, text: string): Promise<void>;
  stop(id: string): Promise<void>;
  /** Applies the child's changes, including deletions, to the parent's files. Without paths: all changes. */
  take(id: string, paths: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}
