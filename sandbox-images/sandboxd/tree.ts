import { type Proc, scan, variable } from './proc.ts';

/** Processes that are meant by how they were started, or by one of them. */
export type Tree = Marked | Rooted;

/** Those started with this variable, and what came of them. */
export interface Marked {
  readonly name: 'CORRAL_RUN' | 'CORRAL_OPERATION';
  readonly value: string;
  readonly strays: Strays;
}

/** One process and what came of it. */
export interface Rooted {
  readonly root: Proc;
  /** Those of it whose parents have ended. */
  readonly orphans: Strays;
}

/** Whether a process that threw away its environment and its parent is taken for one of the tree's. */
export type Strays = (proc: Proc) => boolean;

/** What a tree never includes: the daemon, pid 1, and what holds the terminals. */
export type Spared = (all: readonly Proc[]) => ReadonlySet<number>;

/** What names a process for ever. */
export const nameOf = ({ pid, startTicks }: Proc) => `${pid}.${startTicks}`;

/** `known`: by name, what an earlier look found, which counts also after its parents have ended. */
export function treeOf(tree: Tree, spared: Spared, known: ReadonlySet<string> = new Set()): Proc[] {
  const all = scan();
  const safe = spared(all);
  const candidates = all.filter((proc) => !safe.has(proc.pid) && !proc.zombie);
  const chosen = new Map<number, Proc>();
  const sessions = new Set<number>();
  const isMarked = 'root' in tree ? undefined : ({ pid }: Proc) => variable(pid, tree.name) === tree.value;
  const isFirst =
    'root' in tree
      ? (proc: Proc) => nameOf(proc) === nameOf(tree.root) || tree.orphans(proc)
      : (proc: Proc) => isMarked?.(proc) || tree.strays(proc);
  const ledBy = (proc: Proc) => {
    // A whole session belongs to what was marked; to a single process belongs the session that it leads.
    if (isMarked || proc.session === proc.pid) sessions.add(proc.session);
  };
  const choose = (proc: Proc) => {
    chosen.set(proc.pid, proc);
    ledBy(proc);
  };
  // A session and a group keep the number of their leader, also when that has ended.
  if (!isMarked) for (const name of known) sessions.add(Number(name.split('.')[0]));
  for (const proc of candidates) if (known.has(nameOf(proc)) || isFirst(proc)) choose(proc);
  // A terminal's keeper is spared, but what runs on its terminal is not.
  if (isMarked) for (const proc of all) if (safe.has(proc.pid) && isMarked(proc)) sessions.add(proc.session);
  const ownSession = all.find(({ pid }) => pid === process.pid)?.session;
  const belongs = ({ ppid, session, group }: Proc) =>
    chosen.has(ppid) || sessions.has(session) || (!isMarked && sessions.has(group));
  for (let before = -1; before !== chosen.size; ) {
    sessions.delete(ownSession ?? 0);
    before = chosen.size;
    for (const proc of candidates) if (!chosen.has(proc.pid) && belongs(proc)) choose(proc);
  }
  return [...chosen.values()];
}

/**
 * One process, as it is now: once it has ended, nobody can say what it was. Its orphans are of the same command, younger,
 * and in another session. In the session of a root that is an orphan itself, another orphan can as well be a neighbour
 * that the same command started.
 */
export function rootedAt(root: Proc, init: number | undefined, strays: Strays): Rooted {
  const operation = variable(root.pid, 'CORRAL_OPERATION');
  const isOrphan = ({ ppid }: Proc) => ppid === 1 || ppid === init;
  const hasNeighbours = isOrphan(root);
  const orphans = (proc: Proc) =>
    strays(proc) ||
    (operation !== undefined &&
      isOrphan(proc) &&
      proc.startTicks >= root.startTicks &&
      (proc.session !== root.session || !hasNeighbours) &&
      variable(proc.pid, 'CORRAL_OPERATION') === operation);
  return { root, orphans };
}
