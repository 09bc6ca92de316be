import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { ServiceRules } from './rules.ts';

export const ProcessInfo = z.object({
  pid: z.int(),
  cmd: z.string(),
  status: z.enum(['running', 'stopped', 'exited']),
  /** Path of the log file, relative to the workspace; empty unless the process was started in the background. */
  log: z.string(),
  started: z.string(), // ISO 8601.
  memoryBytes: z.int().optional(),
  ports: z.array(z.int()).readonly().optional(),
});
export type ProcessInfo = z.infer<typeof ProcessInfo>;
export interface ProcessLog {
  readonly text: string;
  /** Path of the complete log file, relative to the workspace; empty if the process has none. */
  readonly log: string;
  /** Whether the file contains text before the excerpt. */
  readonly truncated: boolean;
}
/** Processes of a session's sandbox. `logs` and `startBackground` start a sandbox that is not running. */
export interface ProcessService {
  /**
   * Running processes, except Corral's own, and finished background processes, newest first. If there are more than 200,
   * finished processes are omitted first. Does not start a sandbox: if none runs, all background processes are listed as
   * finished.
   */
  list(id: SessionId, signal: AbortSignal): Promise<readonly ProcessInfo[]>;
  /**
   * Sends SIGTERM, and SIGKILL after 2 s, to the process and its descendants. Also succeeds for a background process that has
   * already ended. Rejects: not_found.
   */
  stop(id: SessionId, pid: number, signal: AbortSignal): Promise<void>;
  /** The last lines of the process's log, at most 1 MiB; empty if it has no log. Rejects: not_found. */
  logs(id: SessionId, pid: number, lines: number, signal: AbortSignal): Promise<ProcessLog>;
  /** Returns once the process has started; its output goes to the file `log`. Rejects: sandbox_unavailable. */
  startBackground(id: SessionId, command: string, signal: AbortSignal): Promise<{ pid: number; log: string }>;
}

export const processRules: ServiceRules<ProcessService> = {
  list: { may: 'read', audit: 'look' },
  logs: { may: 'read', audit: 'look' },
  stop: { may: 'work', audit: 'process.stop' },
  startBackground: { may: 'work', audit: 'process.start' },
};
