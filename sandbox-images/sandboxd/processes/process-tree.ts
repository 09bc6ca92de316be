import {
  type ProcessStat,
  parseEnvironmentVariable,
  readProcessEnvironment,
  readProcessVariable,
  scanProcesses,
} from './proc.ts';

export type ProcessTree = MarkedProcesses | ProcessSubtree;

export interface MarkedProcesses {
  readonly name: 'CORRAL_RUN' | 'CORRAL_OPERATION' | 'CORRAL_SERVICE';
  readonly value: string;
  readonly strays: OrphanRule;
}

export interface ProcessSubtree {
  readonly root: ProcessStat;
  readonly orphans: OrphanRule;
}

/** Whether an orphan with this environment belongs to the tree. */
export type OrphanRule = (proc: ProcessStat, environment: string) => boolean;

export type ProtectedProcessFinder = (all: readonly ProcessStat[]) => ReadonlySet<number>;

/** Identifies a process even after its pid is reused. */
export const toProcessKey = ({ pid, startTicks }: ProcessStat) => `${pid}.${startTicks}`;

export interface TreeScanOptions {
  /** Keys of earlier members, which remain members after their parents end. */
  readonly known?: ReadonlySet<string>;
  /** Whether processes in the middle of exec stay undecided. If false, their environment counts as empty. */
  readonly waits?: boolean;
}

export interface ProcessTreeMembers {
  readonly members: ProcessStat[];
  readonly undecided: ProcessStat[];
}

/** Excludes kernel threads, which always seem to be in the middle of exec. */
function programs(all: readonly ProcessStat[]): readonly ProcessStat[] {
  const showsThreads = all.some(({ pid, ppid, name }) => pid === 2 && ppid === 0 && name === 'kthreadd');
  return showsThreads ? all.filter(({ pid, ppid }) => pid !== 2 && ppid !== 2) : all;
}

export function findTreeMembers(
  tree: ProcessTree,
  spared: ProtectedProcessFinder,
  { known = new Set(), waits = true }: TreeScanOptions = {},
): ProcessTreeMembers {
  const all = scanProcesses();
  const safe = spared(all);
  const candidates = programs(all).filter((proc) => !safe.has(proc.pid) && !proc.zombie);
  const environments = new Map(candidates.map(({ pid }) => [pid, readProcessEnvironment(pid)]));
  const chosen = new Map<number, ProcessStat>();
  const sessions = new Set<number>();
  const isMarked =
    'root' in tree
      ? undefined
      : (environment: string) => parseEnvironmentVariable(environment, tree.name) === tree.value;
  const isFirst = (proc: ProcessStat) => {
    if ('root' in tree && toProcessKey(proc) === toProcessKey(tree.root)) return true;
    const environment = environments.get(proc.pid) ?? (waits ? undefined : '');
    if (environment === undefined) return false;
    return 'root' in tree ? tree.orphans(proc, environment) : isMarked?.(environment) || tree.strays(proc, environment);
  };
  const ledBy = (proc: ProcessStat) => {
    if (isMarked || proc.session === proc.pid) sessions.add(proc.session);
  };
  const choose = (proc: ProcessStat) => {
    chosen.set(proc.pid, proc);
    ledBy(proc);
  };
  // Sessions and groups keep their leader's pid as their id after the leader ends.
  if (!isMarked) for (const name of known) sessions.add(Number(name.split('.')[0]));
  for (const proc of candidates) if (known.has(toProcessKey(proc)) || isFirst(proc)) choose(proc);
  if (isMarked) {
    for (const proc of all)
      if (safe.has(proc.pid) && isMarked(readProcessEnvironment(proc.pid) ?? '')) sessions.add(proc.session);
  }
  const ownSession = all.find(({ pid }) => pid === process.pid)?.session;
  const belongs = ({ ppid, session, group }: ProcessStat) =>
    chosen.has(ppid) || sessions.has(session) || (!isMarked && sessions.has(group));
  for (let before = -1; before !== chosen.size; ) {
    sessions.delete(ownSession ?? 0);
    before = chosen.size;
    for (const proc of candidates) if (!chosen.has(proc.pid) && belongs(proc)) choose(proc);
  }
  const isOpen = ({ pid }: ProcessStat) => waits && environments.get(pid) === undefined && !chosen.has(pid);
  return { members: [...chosen.values()], undecided: candidates.filter(isOpen) };
}

/** Call before the root ends, because its operation cannot be read afterwards. */
export function findProcessSubtree(root: ProcessStat, init: number | undefined, strays: OrphanRule): ProcessSubtree {
  const operation = readProcessVariable(root.pid, 'CORRAL_OPERATION');
  const isOrphan = ({ ppid }: ProcessStat) => ppid === 1 || ppid === init;
  const hasNeighbours = isOrphan(root);
  const orphans: OrphanRule = (proc, environment) =>
    strays(proc, environment) ||
    (operation !== undefined &&
      isOrphan(proc) &&
      proc.startTicks >= root.startTicks &&
      (proc.session !== root.session || !hasNeighbours) &&
      parseEnvironmentVariable(environment, 'CORRAL_OPERATION') === operation);
  return { root, orphans };
}
