import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { ServiceRules } from './rules.ts';

export const ProcessInfo = z.object({
  pid: z.int(),
  cmd: z.string(),
  status: z.enum(['running', 'stopped', 'exited']),
  /** The log file, relative to the workspace; empty unless the process was started in the background. */
  log: z.string(),
  started: z.string(), // ISO 8601.
  memoryBytes: z.int().optional(),
  ports: z.array(z.int()).readonly().optional(),
});
export type ProcessInfo = z.infer<typeof ProcessInfo>;
export interface ProcessLog {
  readonly text: string;
  /** The complete log file, relative to the workspace; empty if there is none. */
  readonly log: string;
  /** Whether the file has text before the excerpt. */
  readonly truncated: boolean;
}
/** `logs` and `startBackground` start a sandbox that is not running. */
export interface ProcessService {
  /**
   * Lists running processes and finished background ones, newest first. Beyond 200, omits finished ones first. Does not
   * start a sandbox: if none runs, all background processes are finished.
   */
  list(id: SessionId, signal: AbortSignal): Promise<readonly ProcessInfo[]>;
  /**
   * Sends SIGTERM, and SIGKILL after 2 s, to the process and its descendants. Also succeeds for a finished background
   * process. Rejects: not_found.
   */
  stop(id: SessionId, pid: number, signal: AbortSignal): Promise<void>;
  /** The log's last lines, at most 1 MiB; empty if there is no log. Rejects: not_found. */
  logs(id: SessionId, pid: number, lines: number, signal: AbortSignal): Promise<ProcessLog>;
  /** Resolves once the process has started. Its output goes to `log`. Rejects: sandbox_unavailable. */
  startBackground(id: SessionId, command: string, signal: AbortSignal): Promise<{ pid: number; log: string }>;
}

export const processRules: ServiceRules<ProcessService> = {
  list: { may: 'read', audit: 'look' },
  logs: { may: 'read', audit: 'look' },
  stop: { may: 'work', audit: 'process.stop' },
  startBackground: { may: 'work', audit: 'process.start' },
};
