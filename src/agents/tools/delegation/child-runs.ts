import type { Goal } from '../../../core/model/runs/goal.ts';

/** The work that a child gets. */
export interface ChildTask {
  readonly task: string;
  /** A template for its instructions, model and choice of tools; undefined: the parent's. */
  readonly template?: string | undefined;
  /** The sub-agent of the parent's own agent that does the work; undefined: an agent like the parent. */
  readonly agent?: string | undefined;
  /** `copy`: it begins with the files as they are now. */
  readonly files: 'copy' | 'none';
  /** The measure of its work; the child goes on until it is met, or its revisions are used up. */
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
  /** `waiting`: for an answer, which the parent can send, or for a person. */
  readonly state: 'running' | 'waiting' | 'completed' | 'stopped' | 'failed';
  /** The child's question, while it waits. */
  readonly question?: string;
  readonly lastWords: string;
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
  readonly toolCalls: number;
  /** The files that differ from those that it began with, each with a letter: A, M or D. */
  readonly changes: readonly string[];
}
/** The children of one run. Ids are those that `start` returned. */
export interface ChildRuns {
  /** Keeps tool calls back from the parent's budget, so that no child gets them: all until it has made so many. */
  keepCalls(upTo: number): void;
  /** The same call id starts the same child, however often it is called. Rejects: conflict, quota, invalid_request. */
  start(callId: string, task: ChildTask, signal: AbortSignal): Promise<string>;
  /** `wait`: not before it has ended or asks something. */
  look(id: string, wait: boolean, signal: AbortSignal): Promise<ChildState>;
  list(): Promise<readonly string[]>;
  send(id: string, text: string): Promise<void>;
  stop(id: string): Promise<void>;
  /** Copies files of the child over those of the parent; all that it changed when none are named. */
  take(id: string, paths: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}
