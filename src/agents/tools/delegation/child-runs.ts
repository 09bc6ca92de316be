import type { Goal } from '../../../core/model/runs/goal.ts';

export interface ChildTask {
  readonly task: string;
  /** If undefined, the child uses the parent's template. */
  readonly template?: string | undefined;
  readonly agent?: string | undefined;
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
  /** `waiting`: the child is waiting for an answer from the parent, or for a user. */
  readonly state: 'running' | 'waiting' | 'completed' | 'stopped' | 'failed';
  readonly question?: string;
  readonly lastWords: string;
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
  readonly toolCalls: number;
  /** Entries such as `M src/a.ts` (A, M or D). Empty while the child is running. */
  readonly changes: readonly string[];
}
export interface ChildSessions {
  /**
   * Idempotent per `callId`. Rejects with invalid_request (unknown template or agent) or conflict (nested too deeply,
   * too many children, or no budget left).
   */
  start(callId: string, task: ChildTask, signal: AbortSignal): Promise<string>;
  /** `wait`: resolves once the child has ended or is waiting for anything but an approval. Rejects with not_found. */
  look(id: string, wait: boolean, signal: AbortSignal): Promise<ChildState>;
  list(): Promise<readonly string[]>;
  send(id: string, text: string): Promise<void>;
  stop(id: string): Promise<void>;
  /** Copies the child's changes to the parent, including deletions. Without paths, copies all changes. */
  take(id: string, paths: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}
