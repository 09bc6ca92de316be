import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { lstat, opendir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskUsage } from '../../../src/sandboxes/client/client.ts';
import { endProcessTree, sendSignals } from '../processes/end-processes.ts';
import { type ProcessStat, readStartTime, scanProcesses } from '../processes/proc.ts';
import { findProcessSubtree } from '../processes/process-tree.ts';
import { createOrphanRule, type DaemonState } from '../shared-state.ts';
import { tryListFolder } from './read-if-any.ts';

// Used for storage without a quota. Ends the processes that write beyond the limit.

const quickMs = 200;
const slowMs = 1_000;
const fullLookMs = 5_000;
const mebibyte = 2 ** 20;
/** Minimum pause between measurements, as a multiple of the last measurement's duration. */
const idleShare = 10;
/** Minimum counted size of a file, which also limits the number of files. */
const fileBytes = 4_096;
const maxHandles = 20_000;

export interface DiskMonitor {
  use(): DiskUsage;
  /** While true, the daemon rejects further writes. */
  readonly isOver: boolean;
}

interface WatchedFolders {
  readonly places: readonly string[];
  readonly roots?: readonly string[];
}

export function monitorDisk(
  parts: DaemonState,
  { places, roots = [] }: WatchedFolders,
  limitBytes: number,
): DiskMonitor {
  const { clock, keepers, init } = parts;
  /** Path prefixes under which /proc may report the watched files. Only `places` is walked, so no file counts twice. */
  const names = [...new Set([...places, ...roots])];
  let use: DiskUsage = { usedBytes: 0, limitBytes, freeBytes: 0, stopped: 0 };
  /** Writers are ended only above this usage, so that a user can clean up. */
  let ceiling = limitBytes;
  let freeThen = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let tookMs = 0;

  async function look(): Promise<number> {
    const [place = '/'] = places;
    const { bavail, bsize } = await statfs(place);
    const freeBytes = bavail * bsize;
    use = { ...use, freeBytes };
    const fell = freeThen - freeBytes;
    const rest = clock.now() - lookedAt;
    // Limits the measuring rate, because free space also falls when another sandbox fills the disk.
    const isDue = rest >= Math.max(fullLookMs, tookMs * idleShare) || (fell > mebibyte && rest >= tookMs * idleShare);
    if (!isDue) return fell > mebibyte ? quickMs : slowMs;
    freeThen = freeBytes;
    lookedAt = clock.now();
    const usedBytes = await measureDiskUse(places, handles(keepers.spared, names), limitBytes * 2);
    tookMs = clock.now() - lookedAt;
    use = { ...use, usedBytes };
    if (usedBytes <= limitBytes) ceiling = limitBytes;
    else if (usedBytes > ceiling) {
      const isGrowing = ceiling > limitBytes;
      if (await stopWriters(isGrowing)) {
        // Measure again, to include what the stopped writers wrote last.
        const after = await measureDiskUse(places, handles(keepers.spared, names), limitBytes * 2);
        use = { ...use, usedBytes: after, stopped: use.stopped + 1 };
      }
      ceiling = use.usedBytes + Math.min(mebibyte, limitBytes / 16);
    }
    return fell > mebibyte || usedBytes > limitBytes ? quickMs : slowMs;
  }

  /** Ends every candidate if the scan finds no writer but the files keep growing. */
  async function stopWriters(isGrowing: boolean): Promise<boolean> {
    const all = scanProcesses();
    const spared = keepers.spared(all);
    const candidates = all.filter((proc) => !spared.has(proc.pid) && !proc.zombie && isOurs(proc));
    const written = candidates.map((proc) => ({ proc, bytes: largestWritten(proc.pid, names) }));
    const some = (least: number) => written.filter(({ bytes }) => bytes >= least).map(({ proc }) => proc);
    const large = some(mebibyte);
    const any = large.length > 0 ? large : some(0);
    const writers = any.length > 0 ? any : isGrowing ? candidates : [];
    for (const { pid } of writers) sendSignals(pid, 'SIGSTOP');
    const trees = writers.map((proc) =>
      findProcessSubtree(proc, init, createOrphanRule(parts, readStartTime(proc, clock.now()))),
    );
    for (const tree of trees) await endProcessTree(tree, { spared: keepers.spared, grace: 'none' });
    return writers.length > 0;
  }
  const isOurs = ({ ppid }: ProcessStat) => init !== undefined && ppid !== 2;

  const turn = () => {
    void look()
      .catch(() => slowMs) // a folder was removed during the measurement
      .then((ms) => setTimeout(turn, ms).unref());
  };
  turn();
  return {
    use: () => use,
    get isOver() {
      return use.usedBytes > limitBytes;
    },
  };
}

interface Handle {
  readonly key: string;
  readonly bytes: number;
}

/** Yields files that were deleted from these folders but are still open. */
function* handles(spared: DaemonState['keepers']['spared'], folders: readonly string[]): Generator<Handle> {
  let left = maxHandles;
  const all = scanProcesses();
  const ours = spared(all);
  for (const { pid } of all.filter((proc) => !ours.has(proc.pid))) {
    for (const path of openOf(pid)) {
      if (--left < 0) return;
      try {
        const { ino, dev, blocks, nlink } = statSync(path);
        if (nlink > 0 || !isBelow(readlinkSync(path), folders)) continue;
        yield { key: `${dev}.${ino}`, bytes: blocks * 512 };
      } catch {} // the file was closed
    }
  }
}

const openOf = (pid: number): string[] => tryListFolder(`/proc/${pid}/fd`).map((name) => `/proc/${pid}/fd/${name}`);

function largestWritten(pid: number, folders: readonly string[]): number {
  let largest = -1;
  for (const path of openOf(pid).slice(0, maxHandles)) {
    try {
      if (!isBelow(readlinkSync(path), folders)) continue;
      const flags = /^flags:\s+(\d+)/m.exec(readFileSync(path.replace('/fd/', '/fdinfo/'), 'latin1'))?.[1] ?? '0';
      if ((Number.parseInt(flags, 8) & 3) !== 0) largest = Math.max(largest, statSync(path).blocks * 512);
    } catch {}
  }
  return largest;
}

const isBelow = (path: string, folders: readonly string[]) => folders.some((it) => path.startsWith(`${it}/`));

export async function measureDiskUse(
  places: readonly string[],
  unnamed: Iterable<Handle>,
  most: number,
): Promise<number> {
  const linked = new Set<string>();
  let sum = 0;
  for (const { key, bytes } of unnamed) {
    if (linked.has(key)) continue;
    linked.add(key);
    sum += bytes;
  }
  const waiting = [...places];
  const count = async (path: string, isFolder: boolean) => {
    const stats = await lstat(path).catch(() => undefined);
    if (!stats) return;
    const key = `${stats.dev}.${stats.ino}`;
    if (stats.nlink > 1 && !isFolder && linked.has(key)) return;
    if (stats.nlink > 1 && !isFolder) linked.add(key);
    sum += Math.max(stats.blocks * 512, fileBytes);
  };
  for (let folder = waiting.pop(); folder !== undefined && sum <= most; folder = waiting.pop()) {
    const entries = await opendir(folder).catch(() => undefined);
    if (!entries) continue;
    let batch: Promise<void>[] = [];
    for await (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      batch.push(count(path, entry.isDirectory()));
      if (batch.length < 64) continue;
      await Promise.all(batch);
      batch = [];
      if (sum > most) break;
    }
    await Promise.all(batch);
  }
  return sum;
}
