import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { ServiceRules } from './rules.ts';

export const ProcessInfo = z.object({
  pid: z.int(),
  cmd: z.string(),
  status: z.enum(['running', 'stopped', 'exited']),
  /** Path relative to the workspace. Empty unless the process was started in the background. */
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
  /** At most 200, newest first. Running processes take precedence over finished background processes. */
  list(id: SessionId, signal: AbortSignal): Promise<readonly ProcessInfo[]>;
  /**
   * Sends the process tree SIGTERM, and SIGKILL after 2 s. Succeeds for finished background processes. Rejects:
   * not_found.
   */
  stop(id: SessionId, pid: number, signal: AbortSignal): Promise<void>;
  /** The last lines, at most 1 MiB; empty without a log. Rejects: not_found. */
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
