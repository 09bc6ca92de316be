import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as later } from 'node:timers/promises';
import { monotonicNow } from '../../../src/core/contracts/clock.ts';

const daemonFile = 'sandboxd.mjs';
const staleMs = 1_000;
/** Share of the machine's CPU pressure attributed to the daemon, whose figures omit its other threads and programs. */
const pressureShare = 0.6;

/**
 * The returned function reports the daemon's total wait for CPU in ms; only differences are meaningful. The total does
 * not change while the daemon is not visible. `init`: pid of the daemon's parent.
 */
export function createCpuWaitMeter(init: number, pressure = machinePressure): () => Promise<number> {
  let daemon: number | undefined;
  let total = 0;
  let last: CpuWaitSample | undefined;
  /** Milliseconds in `total` that the kernel has not reported yet. */
  let ahead = 0;
  return async () => {
    daemon ??= await daemonUnder(init);
    const now = daemon === undefined ? undefined : await readSample(daemon, pressure);
    if (!now)
      daemon = undefined; // the daemon may have restarted
    else if (last) {
      // The kernel counts a wait only after the wait ends.
      const isStuck = now.wantsToRun && now.ranNs === last.ranNs;
      const own = isStuck ? now.at - last.at : Math.max(0, (now.waitedNs - last.waitedNs) / 1e6 - ahead);
      ahead = isStuck ? ahead + own : 0;
      const shared = now.isStopped ? 0 : (now.pressureMs - last.pressureMs) * pressureShare;
      total += Math.max(own, shared);
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
  readonly isStopped: boolean;
  readonly pressureMs: number;
}

async function readSample(pid: number, pressure: typeof machinePressure): Promise<CpuWaitSample | undefined> {
  try {
    const [schedule, stat, pressureMs] = await Promise.all([
      readFile(`/proc/${pid}/schedstat`, 'latin1'),
      readFile(`/proc/${pid}/stat`, 'latin1'),
      pressure(),
    ]);
    const [ranNs = 0, waitedNs = 0] = schedule.split(' ').map(Number);
    const [state] = fieldsOf(stat);
    return { at: monotonicNow(), ranNs, waitedNs, wantsToRun: state === 'R', isStopped: state === 'T', pressureMs };
  } catch {
    return undefined;
  }
}

/** Total time, in ms, during which at least one program was waiting for a CPU. 0 if unavailable. */
async function machinePressure(): Promise<number> {
  const message = await readFile('/proc/pressure/cpu', 'latin1').catch(() => '');
  return Number(/^some .*total=(\d+)/m.exec(message)?.[1] ?? 0) / 1_000;
}

const fieldsOf = (stat: string): string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

async function daemonUnder(init: number): Promise<number | undefined> {
  for (const pid of (await processTable()).get(init) ?? []) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (command.includes(daemonFile)) return pid;
  }
  return undefined;
}

let table: Promise<Map<number, number[]>> | undefined;

/** One scan serves all sandboxes for a second, because many tend to go silent at once. */
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
