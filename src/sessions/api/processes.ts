import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { ServiceRules } from './rules.ts';

/** A process of a sandbox. */
export const ProcessInfo = z.object({
  pid: z.int(),
  cmd: z.string(),
  status: z.enum(['running', 'stopped', 'exited']),
  /** Path of the log file, relative to the workspace; "" unless the process was started in the background. */
  log: z.string(),
  started: z.string(), // iso
  /** The memory that a running process holds, where the sandbox says. */
  memoryBytes: z.int().optional(),
  /** The ports on which a running process listens; absent: none. */
  ports: z.array(z.int()).readonly().optional(),
});
export type ProcessInfo = z.infer<typeof ProcessInfo>;
/** The end of a process's log. */
export interface ProcessLog {
  readonly text: string;
  /** The file with the whole, relative to the workspace; "" when the process has none. */
  readonly log: string;
  /** Whether the file has more before the text. */
  readonly truncated: boolean;
}
/** The processes of a session's sandbox. `stop`, `logs` and `startBackground` start a sandbox that does not run. */
export interface ProcessService {
  /**
   * Running processes except the sandbox's own, and finished background ones; the newest 200. Empty, without starting a
   * sandbox, when none runs.
   */
  list(id: SessionId, signal: AbortSignal): Promise<readonly ProcessInfo[]>;
  /** Sends SIGTERM to the process and its children. An ended process is a success. Rejects: not_found. */
  stop(id: SessionId, pid: number, signal: AbortSignal): Promise<void>;
  /** The last lines, at most 1 MiB of them, of the process's log; empty if it has none. Rejects: not_found. */
  logs(id: SessionId, pid: number, lines: number, signal: AbortSignal): Promise<ProcessLog>;
  /** Returns as soon as the process has started; its output goes to the file `log`. Rejects: sandbox_unavailable. */
  startBackground(id: SessionId, command: string, signal: AbortSignal): Promise<{ pid: number; log: string }>;
}

export const processRules: ServiceRules<ProcessService> = {
  list: { may: 'read', audit: 'look' },
  logs: { may: 'read', audit: 'look' },
  stop: { may: 'work', audit: 'process.stop' },
  startBackground: { may: 'work', audit: 'process.start' },
};
