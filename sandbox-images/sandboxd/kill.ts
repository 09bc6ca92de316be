import { type Proc, scan, variable } from './proc.ts';

/** Which processes are meant: those started with this variable, and what came of them. */
export interface Tree {
  readonly name: 'CORRAL_RUN' | 'CORRAL_OPERATION';
  readonly value: string;
  /** More of it: processes that hid from their environment. */
  readonly strays?: (proc: Proc) => boolean;
}

/** What a tree never includes: the daemon, pid 1, and what holds the terminals. */
export type Spared = (all: readonly Proc[]) => ReadonlySet<number>;

export function treeOf(tree: Tree, spared: Spared): Proc[] {
  const all = scan();
  const safe = spared(all);
  const chosen = new Map<number, Proc>();
  const sessions = new Set<number>();
  const choose = (proc: Proc) => {
    chosen.set(proc.pid, proc);
    sessions.add(proc.session);
  };
  const candidates = all.filter((proc) => !safe.has(proc.pid) && !proc.zombie);
  const isNamed = ({ pid }: Proc) => variable(pid, tree.name) === tree.value;
  for (const proc of candidates) if (isNamed(proc) || tree.strays?.(proc)) choose(proc);
  // A terminal's keeper is spared, but what runs on its terminal is not.
  for (const proc of all) if (safe.has(proc.pid) && isNamed(proc)) sessions.add(proc.session);
  const ownSession = all.find(({ pid }) => pid === process.pid)?.session;
  sessions.delete(ownSession ?? 0);
  for (let before = -1; before !== chosen.size; ) {
    before = chosen.size;
    for (const proc of candidates) {
      if (!chosen.has(proc.pid) && (chosen.has(proc.ppid) || sessions.has(proc.session))) choose(proc);
    }
    sessions.delete(ownSession ?? 0);
  }
  return [...chosen.values()];
}

const graceMs = 2_000;

/** TERM, KILL after 2 s, again until none is left. Whom it met is added to `met`, by what names them for ever. */
export async function endTree(tree: Tree, spared: Spared, met: Set<string> = new Set()): Promise<number> {
  let count = 0;
  const find = () => {
    const found = treeOf(tree, spared);
    for (const { pid, startTicks } of found) {
      if (!met.has(`${pid}.${startTicks}`)) count++;
      met.add(`${pid}.${startTicks}`);
    }
    return found;
  };
  const asked = new Set<string>();
  const patience = performance.now() + graceMs;
  let left = find();
  while (left.length > 0 && performance.now() < patience) {
    for (const { pid, name } of left) {
      // Each program once: a child between fork and exec may lose the signal with its parent's handlers.
      if (asked.has(`${pid} ${name}`)) continue;
      asked.add(`${pid} ${name}`);
      send(pid, 'SIGTERM', 'SIGCONT'); // continued too: a stopped process does not hear TERM
    }
    await sleep(left.length > 64 ? 50 : 10);
    left = find();
  }
  const giveUp = performance.now() + 10_000;
  while (left.length > 0 && performance.now() < giveUp) {
    left = freeze(find);
    for (const { pid } of left) send(pid, 'SIGKILL');
    await sleep(20);
    left = find();
  }
  return count;
}

/** Stops all before killing any, so that what forks faster than we look is caught whole. */
function freeze(find: () => Proc[]): Proc[] {
  let found = find();
  for (let rounds = 0, before = -1; rounds < 20 && found.length !== before; rounds++) {
    before = found.length;
    for (const { pid } of found) send(pid, 'SIGSTOP');
    found = find();
  }
  return found;
}

export function send(pid: number, ...names: NodeJS.Signals[]): boolean {
  try {
    for (const name of names) process.kill(pid, name);
    return true;
  } catch {
    return false; // gone already, or not ours to end
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
