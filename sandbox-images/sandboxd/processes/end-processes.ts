import type { ProcessStat } from './proc.ts';
import { findTreeMembers, type ProcessTree, type ProtectedProcessFinder, toProcessKey } from './process-tree.ts';

/** Time between TERM and KILL. Tests shorten it. */
const graceMs = Number(process.env.CORRAL_STOP_GRACE_MS ?? 2_000);
/** Maximum time that a process is expected to spend in exec. */
const execMs = 1_000;
const firstLooksMs: readonly number[] = [1, 2, 4];

export interface EndTreeOptions {
  readonly spared: ProtectedProcessFinder;
  readonly seen?: Set<string>;
  readonly grace?: 'usual' | 'none';
}

/** Sends TERM, then KILL after 2 s, and gives up 10 s later. Resolves with the number of processes added to `seen`. */
export async function endProcessTree(
  tree: ProcessTree,
  { spared, seen = new Set(), grace = 'usual' }: EndTreeOptions,
): Promise<number> {
  let count = 0;
  const known = new Set<string>(); // separate from `seen`, which may contain other trees' processes
  const begun = performance.now();
  let waitedFor: ReadonlySet<string> | undefined;
  const isDone = () => waitedFor?.size === 0;
  const find = () => {
    const { members, undecided } = findTreeMembers(tree, spared, { known, waits: performance.now() - begun < execMs });
    for (const proc of members) {
      const name = toProcessKey(proc);
      if (!seen.has(name)) count++;
      seen.add(name);
      known.add(name);
    }
    // An empty tree starts nothing new, so await only processes that were already undecided.
    const names = undecided.map(toProcessKey).filter((name) => waitedFor?.has(name) ?? true);
    waitedFor = members.length > 0 ? undefined : new Set(names);
    return members;
  };
  const requests = new Set<string>();
  const patience = begun + (grace === 'none' ? 0 : graceMs);
  let left = find();
  for (let look = 0; !isDone() && performance.now() < patience; look++) {
    for (const { pid, name } of left) {
      // Before exec, handlers inherited from the parent can catch TERM, so send it again afterwards.
      if (requests.has(`${pid} ${name}`)) continue;
      requests.add(`${pid} ${name}`);
      sendSignals(pid, 'SIGTERM', 'SIGCONT'); // CONT too, because a stopped process does not act on TERM
    }
    await sleep(left.length > 64 ? 50 : (firstLooksMs[look] ?? 10));
    left = find();
  }
  const giveUp = performance.now() + 10_000;
  while (!isDone() && performance.now() < giveUp) {
    left = freeze(find);
    for (const { pid } of left) sendSignals(pid, 'SIGKILL');
    await sleep(left.length > 0 ? 20 : 2);
    left = find();
  }
  return count;
}

/** Stops all processes before they are killed, because running ones can fork faster than the scan finds them. */
function freeze(find: () => ProcessStat[]): ProcessStat[] {
  let found = find();
  for (let rounds = 0, before = -1; rounds < 20 && found.length !== before; rounds++) {
    before = found.length;
    for (const { pid } of found) sendSignals(pid, 'SIGSTOP');
    found = find();
  }
  return found;
}

export function sendSignals(pid: number, ...names: NodeJS.Signals[]): boolean {
  try {
    for (const name of names) process.kill(pid, name);
    return true;
  } catch {
    return false; // already gone, or another user's
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
