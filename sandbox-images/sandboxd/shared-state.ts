import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../src/core/contracts/clock.ts';
import type { ConfinedPaths } from './files/confined-paths.ts';
import { type ProcessStat, parseEnvironmentVariable, readStartTime, scanProcesses } from './processes/proc.ts';
import type { OrphanRule } from './processes/process-tree.ts';
import type { Journal } from './shells/journal.ts';
import type { Terminal } from './shells/terminal.ts';

export interface DaemonState {
  readonly clock: Clock;
  readonly place: ConfinedPaths;
  readonly stateDir: string;
  /**
   * Folder for the display's socket, if the server connects to the display too. Undefined: only the daemon reaches the display.
   */
  readonly screenDir: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly journal: Journal;
  readonly keepers: DaemonProcessSet;
  readonly spoolCap: number;
  /** Maximum total size of the files in the workspace and `screenDir`, in bytes. 0: the daemon enforces no limit. */
  readonly diskBytes: number;
  readonly volumes: readonly { readonly path: string; readonly bytes: number }[];
  /** Identifies this run of the daemon. Random, so that no output contains a command's end mark by chance. */
  readonly bootId: string;
  /** Pid of the init if all visible processes belong to this sandbox. Undefined on a shared machine. */
  readonly init: number | undefined;
  touch(): void;
  idleMs(): number;
}

/**
 * Creates a rule that includes orphans that a tree may have started, because a process that cleared its environment and
 * outlived its parent carries no mark. In a sandbox with its own init, such an orphan belongs to the tree if it started
 * after `since`.
 */
export function createOrphanRule({ clock, init }: Pick<DaemonState, 'clock' | 'init'>, since: number): OrphanRule {
  if (init === undefined) return () => false;
  const now = clock.now();
  return (proc, environment) =>
    (proc.ppid === 1 || proc.ppid === init) &&
    readStartTime(proc, now) >= since - 100 &&
    parseEnvironmentVariable(environment, 'CORRAL_SANDBOX_ID') === undefined;
}

/** The daemon's own processes, never the user's: the daemon, pid 1, and the keepers that hold the terminals open. */
export interface DaemonProcessSet {
  /** Counts a command's keeper as the daemon's own until the keeper ends, shortly after the end of its output. */
  hold(terminal: Pick<Terminal, 'pid' | 'closed'>): void;
  add(pid: number): void;
  delete(pid: number): void;
  /** Closes a keeper's terminal. The keeper and its shell count as the daemon's own for one more second, while they end. */
  close(terminal: Pick<Terminal, 'pid' | 'close'>): Promise<void>;
  spared(all: readonly ProcessStat[]): ReadonlySet<number>;
}

const endMs = 1_000;

export function createDaemonProcessSet(daemon: number, parent: number): DaemonProcessSet {
  const terminals = new Set<number>();
  return {
    hold({ pid, closed }) {
      terminals.add(pid);
      const ended = () => void terminals.delete(pid);
      closed.then(ended, ended);
    },
    add: (pid) => void terminals.add(pid),
    delete: (pid) => void terminals.delete(pid),
    async close(terminal) {
      const shells = scanProcesses().filter(({ ppid }) => ppid === terminal.pid);
      for (const { pid } of shells) terminals.add(pid);
      terminal.close();
      await pause(endMs);
      for (const { pid } of [terminal, ...shells]) terminals.delete(pid);
    },
    spared(all) {
      const spared = new Set([1, daemon, parent, ...terminals]);
      for (const { pid, ppid } of all) if (terminals.has(ppid)) spared.add(pid);
      return spared;
    },
  };
}
