import { AppError } from '../../src/core/errors.ts';
import type { ProcessEntry } from '../../src/sandbox/client.ts';
import { counted, oomKills } from './cgroup.ts';
import type { Daemon, Desktop } from './daemon.ts';
import { executor } from './exec.ts';
import { files } from './files.ts';
import { endTree, send } from './kill.ts';
import type { Parts } from './parts.ts';
import { commandLine, type Proc, scan, startedAt, usageOf, variable } from './proc.ts';
import { search } from './search.ts';
import { shells } from './shells.ts';
import { terminals } from './terminals.ts';

export interface Identity {
  readonly version: string;
  readonly sandboxId: string;
  /** Its init, when the processes in sight are all of this sandbox; undefined on a shared machine. */
  readonly init: number | undefined;
  readonly desktop: Desktop;
}

/** The daemon as it runs inside a sandbox, on this system's processes and files. */
export function realDaemon(parts: Parts, { version, sandboxId, init, desktop }: Identity): Daemon {
  const { clock, journal, keepers, bootId } = parts;
  const sessions = shells(parts);
  const exec = executor(parts);
  const tagged = new Map<string, number>();

  const visible = (all: readonly Proc[]) => {
    const spared = keepers.spared(all);
    const ours = ({ pid, ppid, zombie }: Proc) =>
      !spared.has(pid) &&
      !zombie &&
      ppid !== 2 &&
      (init !== undefined || variable(pid, 'CORRAL_SANDBOX_ID') === sandboxId);
    return all.filter(ours);
  };

  /**
   * A process that threw away its environment and its parent carries no tag. In a sandbox of its own such an orphan,
   * younger than the tag, is taken for one of the tag's.
   */
  const strayOf = (tag: string) => {
    const since = Math.min(
      tagged.get(tag) ?? Number.POSITIVE_INFINITY,
      journal.firstOf(tag) ?? Number.POSITIVE_INFINITY,
    );
    const now = clock.now();
    return (proc: Proc) =>
      (proc.ppid === 1 || proc.ppid === init) &&
      startedAt(proc, now) >= since - 100 &&
      variable(proc.pid, 'CORRAL_SANDBOX_ID') === undefined;
  };

  return {
    ...sessions,
    ...terminals(parts),
    ...files(parts.place),
    ...search(parts.place, parts.env),
    health() {
      const shown = desktop.status();
      const isUsed = shown.state !== 'stopped' && shown.state !== 'unsupported';
      return { version, bootId, idleMs: parts.idleMs(), oomKills: oomKills(), ...(isUsed && { desktop: shown }) };
    },
    usage() {
      const all = visible(scan());
      // A control group in sight is this sandbox's only where the processes in sight are.
      const whole = init === undefined ? undefined : counted();
      return { ...(whole ?? summed(all)), processes: all.length };
    },
    touch: parts.touch,
    desktop,
    async killTagged(tag) {
      const strays = init === undefined ? {} : { strays: strayOf(tag) };
      const met = new Set<string>();
      await Promise.all([
        endTree({ name: 'CORRAL_RUN', value: tag, ...strays }, keepers.spared, met),
        sessions.endTagged(tag, met),
      ]);
      return met.size;
    },
    async exec(request, signal) {
      if (request.tag !== undefined && !tagged.has(request.tag)) {
        if (tagged.size > 1_000) tagged.clear();
        tagged.set(request.tag, clock.now());
      }
      return await exec(request, signal);
    },
    async processes() {
      const now = clock.now();
      return visible(scan()).map((proc): ProcessEntry => {
        const tag = variable(proc.pid, 'CORRAL_RUN');
        const started = new Date(startedAt(proc, now)).toISOString();
        return { pid: proc.pid, cmd: commandLine(proc.pid), started, ...(tag === undefined ? {} : { tag }) };
      });
    },
    async signalProcess(pid, name) {
      const all = visible(scan());
      const known = all.some((proc) => proc.pid === pid);
      // It first: a shell whose child ends goes on with its next command.
      if (!known || !send(pid, name)) throw new AppError('not_found', `There is no process ${pid}.`);
      for (const child of below(pid, all)) send(child, name);
    },
  };
}

/** Its children, and theirs. */
function below(pid: number, all: readonly Proc[]): number[] {
  const children = all.filter(({ ppid }) => ppid === pid);
  return children.flatMap((child) => [child.pid, ...below(child.pid, all)]);
}

function summed(all: readonly Proc[]) {
  const each = all.map(({ pid }) => usageOf(pid));
  const sum = (of: (one: (typeof each)[number]) => number) => each.reduce((total, one) => total + of(one), 0);
  return {
    cpuSeconds: sum((one) => one.cpuSeconds),
    memoryBytes: sum((one) => one.memoryBytes),
    memoryLimitBytes: null,
  };
}
