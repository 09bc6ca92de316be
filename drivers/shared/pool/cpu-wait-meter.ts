import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as later } from 'node:timers/promises';
import { elapsed } from '../../../src/core/contracts/clock.ts';

const daemonFile = 'sandboxd.mjs';
const staleMs = 1_000;

/**
 * Measures how long a sandbox's daemon has waited for a processor, in ms; only differences have a meaning. `init` is the
 * process of this machine whose child the daemon is. Zero where the machine does not show the daemon, as from a container.
 */
export function cpuWaitMeter(init: number): () => Promise<number> {
  let daemon: number | undefined;
  let total = 0;
  let last: CpuWaitSample | undefined;
  /** Waits that are counted here, and not yet by the kernel. */
  let ahead = 0;
  return async () => {
    daemon ??= await daemonUnder(init);
    const now = daemon === undefined ? undefined : await readingOf(daemon);
    if (!now)
      daemon = undefined; // restarted: the next call finds the new one
    else if (last) {
      // The kernel adds a wait only when it is over, so a daemon that has not run since the last look has waited all along.
      const isStuck = now.wantsToRun && now.ranNs === last.ranNs;
      const waited = isStuck ? now.at - last.at : Math.max(0, (now.waitedNs - last.waitedNs) / 1e6 - ahead);
      ahead = isStuck ? ahead + waited : 0;
      total += waited;
    }
    last = now;
    return total;
  };
}

interface CpuWaitSample {
  readonly at: number;
  readonly ranNs: number;
  readonly waitedNs: number;
  readonly wantsToRun: boolean;
}

async function readingOf(pid: number): Promise<CpuWaitSample | undefined> {
  try {
    const [schedule, stat] = await Promise.all([
      readFile(`/proc/${pid}/schedstat`, 'latin1'),
      readFile(`/proc/${pid}/stat`, 'latin1'),
    ]);
    const [ranNs = 0, waitedNs = 0] = schedule.split(' ').map(Number);
    return { at: elapsed(), ranNs, waitedNs, wantsToRun: fieldsOf(stat)[0] === 'R' };
  } catch {
    return undefined; // it has ended, or the kernel does not tell
  }
}

/** The fields after the name, which can contain spaces and brackets: the state, the parent's pid. */
const fieldsOf = (stat: string): string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

async function daemonUnder(init: number): Promise<number | undefined> {
  for (const pid of (await processTable()).get(init) ?? []) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (command.includes(daemonFile)) return pid;
  }
  return undefined;
}

let table: Promise<Map<number, number[]>> | undefined;

/** All processes by their parents. One look serves all sandboxes of a second, because many fall silent together. */
function processTable(): Promise<Map<number, number[]>> {
  table ??= readTable().finally(() => {
    void later(staleMs, undefined, { ref: false }).then(() => (table = undefined));
  });
  return table;
}

async function readTable(): Promise<Map<number, number[]>> {
  const children = new Map<number, number[]>();
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => undefined);
    if (stat === undefined) continue;
    const parent = Number(fieldsOf(stat)[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}
