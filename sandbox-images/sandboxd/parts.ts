import type { Clock } from '../../src/core/clock.ts';
import type { Confined } from './confine.ts';
import type { Journal } from './journal.ts';
import { type Proc, scan, startedAt, variable } from './proc.ts';
import type { Strays } from './tree.ts';

/** What the daemon's parts share. */
export interface Parts {
  readonly clock: Clock;
  readonly place: Confined;
  /** Outside of the workspace, the daemon's own. */
  readonly stateDir: string;
  /** What every command starts with. */
  readonly env: Readonly<Record<string, string>>;
  readonly journal: Journal;
  readonly keepers: Keepers;
  readonly spoolCap: number;
  /** What the sandbox's files may take of the disk; 0: nobody watches. */
  readonly diskBytes: number;
  /** Unguessable within this sandbox. */
  readonly bootId: string;
  /** Pid 1, where all processes in sight are of this sandbox; undefined on a shared machine. */
  readonly init: number | undefined;
  /** Something happened: the sandbox is not idle. */
  touch(): void;
  idleMs(): number;
}

/**
 * A process that threw away its environment and its parent carries no mark. In a sandbox of its own such an orphan,
 * younger than what is ended, is taken for one of its own.
 */
export function straysSince({ clock, init }: Pick<Parts, 'clock' | 'init'>, since: number): Strays {
  if (init === undefined) return () => false;
  const now = clock.now();
  return (proc) =>
    (proc.ppid === 1 || proc.ppid === init) &&
    startedAt(proc, now) >= since - 100 &&
    variable(proc.pid, 'CORRAL_SANDBOX_ID') === undefined;
}

/** Processes that are the daemon's and never the user's: itself, pid 1, and what holds the terminals open. */
export interface Keepers {
  add(pid: number): void;
  delete(pid: number): void;
  /** It is about to be ended; it and its shell count until the returned function is called. */
  dismiss(pid: number): () => void;
  spared(all: readonly Proc[]): ReadonlySet<number>;
}

export function keepersOf(daemon: number, parent: number): Keepers {
  const terminals = new Set<number>();
  return {
    add: (pid) => void terminals.add(pid),
    delete: (pid) => void terminals.delete(pid),
    dismiss(pid) {
      const shells = scan().filter(({ ppid }) => ppid === pid);
      for (const shell of shells) terminals.add(shell.pid);
      return () => {
        for (const gone of [pid, ...shells.map((shell) => shell.pid)]) terminals.delete(gone);
      };
    },
    spared(all) {
      const spared = new Set([1, daemon, parent, ...terminals]);
      for (const { pid, ppid } of all) if (terminals.has(ppid)) spared.add(pid);
      return spared;
    },
  };
}
