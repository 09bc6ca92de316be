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
  /** Undefined if only the daemon can reach the display. */
  readonly screenDir: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly journal: Journal;
  readonly keepers: DaemonProcessSet;
  readonly spoolCap: number;
  /** Maximum size of the workspace and `screenDir` together, in bytes. 0 means no limit. */
  readonly diskBytes: number;
  readonly volumes: readonly { readonly path: string; readonly bytes: number }[];
  /** Random, so that no output contains a command's exit mark by chance. */
  readonly bootId: string;
  /** Undefined if processes outside this sandbox are visible. */
  readonly init: number | undefined;
  touch(): void;
  idleMs(): number;
}

/** Matches orphans that lost their mark by clearing their environment. */
export function createOrphanRule({ clock, init }: Pick<DaemonState, 'clock' | 'init'>, since: number): OrphanRule {
  if (init === undefined) return () => false;
  const now = clock.now();
  return (proc, environment) =>
    (proc.ppid === 1 || proc.ppid === init) &&
    readStartTime(proc, now) >= since - 100 &&
    parseEnvironmentVariable(environment, 'CORRAL_SANDBOX_ID') === undefined;
}

export interface DaemonProcessSet {
  /** Counts a command's keeper as a daemon process until the keeper ends. */
  hold(terminal: Pick<Terminal, 'pid' | 'closed'>): void;
  add(pid: number): void;
  delete(pid: number): void;
  /** The keeper and its shell count as daemon processes for one more second. */
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
