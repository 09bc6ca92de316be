import { once } from 'node:events';
import type { BigIntStats } from 'node:fs';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError } from '../../src/core/errors/errors.ts';
import type { ProcessEntry } from '../../src/sandboxes/client/client.ts';
import { type Daemon, type Desktop, daemonLimits, type OpenFile } from './daemon.ts';
import type { ConfinedPaths } from './files/confined-paths.ts';
import { monitorDisk } from './files/disk-watch.ts';
import { createFileOperations, readFileChunks } from './files/files.ts';
import { assertRegularFile, replaceFile, withTargetFolder } from './files/replace-file.ts';
import { createSearchOperations } from './files/search.ts';
import { createJobOperations } from './jobs/jobs.ts';
import { createPathOperations } from './paths/paths.ts';
import { findListeningPorts } from './ports/listening.ts';
import { endProcessTree, sendSignals } from './processes/end-processes.ts';
import {
  type ProcessStat,
  readCgroupUsage,
  readCommandLine,
  readOomKills,
  readProcessUsage,
  readProcessVariable,
  readStartTime,
  scanProcesses,
} from './processes/proc.ts';
import { findProcessSubtree, findTreeMembers } from './processes/process-tree.ts';
import { createProgramOperations } from './processes/programs.ts';
import { createBadRequestError } from './server/body-fields.ts';
import { createOrphanRule, type DaemonState } from './shared-state.ts';
import { createExecutor } from './shells/exec.ts';
import { createShellOperations } from './shells/shells.ts';
import { createTerminalOperations } from './shells/terminals.ts';
import { createWatchOperations } from './watches/watches.ts';
import { createWorkspaceOperations } from './workspace/workspace.ts';

export interface DaemonOptions {
  readonly version: string;
  readonly sandboxId: string;
  readonly desktop: Desktop;
  readonly ownPorts: readonly number[];
}

export function createDaemon(parts: DaemonState, { version, sandboxId, desktop, ownPorts }: DaemonOptions): Daemon {
  const { clock, journal, keepers, bootId, init } = parts;
  const sessions = createShellOperations(parts);
  const exec = createExecutor(parts);
  const tagged = new Map<string, number>();
  const stopped = new StoppedRuns();
  const programsOfRuns = createProgramOperations(parts);
  const written = [parts.place.root, ...(parts.screenDir === undefined ? [] : [parts.screenDir])];
  const covered = { places: written, roots: parts.place.roots };
  const disk = parts.diskBytes > 0 ? monitorDisk(parts, covered, parts.diskBytes) : undefined;
  for (const { path, bytes } of parts.volumes) monitorDisk(parts, { places: [path] }, bytes);
  const stored = createFileOperations(parts.place);
  const moved = createFileTransfers(parts.place);
  const anywhere = createPathOperations(parts);
  const jobsOfRuns = createJobOperations(parts);
  const whole = createWorkspaceOperations(parts.place.root);
  const unlessFull =
    <Args extends unknown[], Result>(write: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (disk?.isOver) throw new AppError('quota', diskFull(disk.use().limitBytes));
      return await write(...args);
    };

  const visible = (all: readonly ProcessStat[]) => {
    const spared = keepers.spared(all);
    const ours = ({ pid, ppid, zombie }: ProcessStat) =>
      !spared.has(pid) &&
      !zombie &&
      ppid !== 2 &&
      (init !== undefined || readProcessVariable(pid, 'CORRAL_SANDBOX_ID') === sandboxId);
    return all.filter(ours);
  };

  /** Start time of the run, in epoch ms. Infinity if the run is unknown. */
  const begunAt = (tag: string) =>
    Math.min(tagged.get(tag) ?? Number.POSITIVE_INFINITY, journal.firstOf(tag) ?? Number.POSITIVE_INFINITY);

  const endTagged = async (tag: string): Promise<number> => {
    const seen = new Set<string>();
    const tree = { name: 'CORRAL_RUN', value: tag, strays: createOrphanRule(parts, begunAt(tag)) } as const;
    const processes = endProcessTree(tree, { spared: keepers.spared, seen });
    await Promise.all([processes, sessions.endTagged(tag, { processes, seen })]);
    return seen.size;
  };

  async function startUnlessStopped<Started>(tag: string | undefined, start: () => Promise<Started>): Promise<Started> {
    stopped.check(tag);
    const started = await start();
    try {
      stopped.check(tag);
    } catch (refusal) {
      if (tag !== undefined) await endTagged(tag);
      throw refusal;
    }
    return started;
  }

  return {
    ...sessions,
    ...createTerminalOperations(parts),
    ...programsOfRuns,
    ...jobsOfRuns,
    ...anywhere,
    ...createWatchOperations(parts),
    ...whole,
    ...createPorts(ownPorts),
    async start(request) {
      const known = sessions.operation(request.id);
      return known ?? (await startUnlessStopped(request.tag, () => sessions.start(request)));
    },
    startJob: (request) => startUnlessStopped(request.tag, () => jobsOfRuns.startJob(request)),
    openProgram: (request) => startUnlessStopped(request.tag, () => programsOfRuns.openProgram(request)),
    ...stored,
    ...moved,
    ...createSearchOperations(parts.place, parts.env),
    health() {
      const shown = desktop.status();
      const isUsed = shown.state !== 'stopped' && shown.state !== 'unsupported';
      return {
        version,
        bootId,
        idleMs: parts.idleMs(),
        oomKills: readOomKills(),
        ...(isUsed && { desktop: shown }),
        ...(disk && { disk: disk.use() }),
      };
    },
    usage() {
      const all = visible(scanProcesses());
      // The visible cgroup belongs to this sandbox only if all visible processes do.
      const whole = init === undefined ? undefined : readCgroupUsage();
      return { ...(whole ?? summed(all)), processes: all.length };
    },
    touch: parts.touch,
    keepForRun: unlessFull(whole.keepForRun),
    writeFile: unlessFull(stored.writeFile),
    receiveFile: unlessFull(moved.receiveFile),
    writePath: unlessFull(anywhere.writePath),
    desktop,
    async killTagged(tag) {
      stopped.add(tag);
      return await endTagged(tag);
    },
    async exec(request, signal) {
      stopped.check(request.tag); // not checked again: stopping the run disconnects its callers, which kills the command
      if (request.tag !== undefined && !tagged.has(request.tag)) {
        if (tagged.size > 1_000) tagged.clear();
        tagged.set(request.tag, clock.now());
      }
      return await exec(request, signal);
    },
    async processes() {
      const now = clock.now();
      return visible(scanProcesses()).map((proc): ProcessEntry => {
        const tag = readProcessVariable(proc.pid, 'CORRAL_RUN');
        const started = new Date(readStartTime(proc, now)).toISOString();
        return {
          pid: proc.pid,
          cmd: readCommandLine(proc.pid).slice(0, daemonLimits.commandChars),
          started,
          memoryBytes: readProcessUsage(proc.pid).memoryBytes,
          ...(tag === undefined ? {} : { tag }),
        };
      });
    },
    async signalProcess(pid, name) {
      const root = visible(scanProcesses()).find((proc) => proc.pid === pid);
      if (!root) throw new AppError('not_found', `There is no process ${pid}.`);
      const tree = findProcessSubtree(root, init, createOrphanRule(parts, readStartTime(root, clock.now())));
      const { spared } = keepers;
      // Signal the root first, because a shell runs its next command when its child ends.
      if (name === 'SIGINT')
        for (const proc of [root, ...findTreeMembers(tree, spared).members]) sendSignals(proc.pid, name);
      else await endProcessTree(tree, { spared, grace: name === 'SIGKILL' ? 'none' : 'usual' });
    },
  };
}

const diskFull = (bytes: number) =>
  `The files of this sandbox exceed its limit of ${Math.floor(bytes / 2 ** 20)} MiB. Remove some first.`;

function summed(all: readonly ProcessStat[]) {
  const each = all.map(({ pid }) => readProcessUsage(pid));
  const sum = (of: (one: (typeof each)[number]) => number) => each.reduce((total, one) => total + of(one), 0);
  return {
    cpuSeconds: sum((one) => one.cpuSeconds),
    memoryBytes: sum((one) => one.memoryBytes),
    memoryLimitBytes: null,
  };
}

const maxRemembered = 1_000;

/** Refuses late requests from the 1,000 most recently stopped runs. */
class StoppedRuns {
  readonly #tags = new Set<string>();

  add(tag: string): void {
    this.#tags.delete(tag);
    this.#tags.add(tag);
    const [oldest] = this.#tags;
    if (this.#tags.size > maxRemembered && oldest !== undefined) this.#tags.delete(oldest);
  }

  check(tag: string | undefined): void {
    if (tag !== undefined && this.#tags.has(tag)) {
      throw new AppError('conflict', 'The run was stopped, so it cannot start anything else.');
    }
  }
}

type Transfers = Pick<Daemon, 'sendFile' | 'receiveFile'>;
const noFile = 'none';

/** A file's version consists of its size and modification time. */
export function createFileTransfers(place: ConfinedPaths): Transfers {
  async function sendFile(path: string, { from = 0, most = Number.POSITIVE_INFINITY }): Promise<OpenFile> {
    const handle = await place.open(path);
    try {
      const stats = await handle.stat({ bigint: true });
      assertRegularFile(stats, path);
      const whole = Number(stats.size);
      const start = Math.min(from, whole);
      const size = Math.min(whole - start, most);
      const heading = Buffer.from(`${whole} ${versionOf(stats)}\n`);
      const chunks = headed(heading, readFileChunks(handle, { start, size }));
      return { size: heading.length + size, chunks, [Symbol.asyncDispose]: () => handle.close() };
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  const receiveFile: Transfers['receiveFile'] = (path, content, replaces) =>
    withTargetFolder(place, path, async (parent, before) => {
      const check = (now: BigIntStats | undefined) => {
        if (replaces === undefined || replaces === (now ? versionOf(now) : noFile)) return;
        throw new AppError('file_changed', 'The file has changed in the meantime.');
      };
      const written = await replaceFile({ parent, content, before, check });
      return { size: Number(written.size), version: versionOf(written) };
    });

  return { sendFile, receiveFile };
}

const billion = 1_000_000_000n;
const versionOf = ({ size, mtimeNs }: BigIntStats): string =>
  `${size}-${mtimeNs / billion}.${String(mtimeNs % billion).padStart(9, '0')}`;

async function* headed(heading: Uint8Array, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield heading;
  yield* chunks;
}

type Ports = Pick<Daemon, 'openPort' | 'listeningPorts'>;

const hosts = ['127.0.0.1', '::1'] as const;

function createPorts(own: readonly number[]): Ports {
  let open = 0;
  return {
    listeningPorts: () => findListeningPorts(own),
    async openPort(port): Promise<Duplex> {
      if (!Number.isInteger(port) || port < 1 || port > 65_535)
        throw createBadRequestError('port must be from 1 to 65535.');
      if (own.includes(port)) throw createBadRequestError(`Port ${port} is reserved by Corral and cannot be opened.`);
      if (open >= daemonLimits.portStreams) {
        throw new AppError(
          'conflict',
          `There are already ${daemonLimits.portStreams} connections to ports, the maximum.`,
        );
      }
      open++;
      const socket = await connected(port).catch((thrown: unknown) => {
        open--;
        throw thrown;
      });
      socket.once('close', () => open--);
      return socket;
    },
  };
}

async function connected(port: number): Promise<Duplex> {
  for (const host of hosts) {
    const socket = connect({ port, host, noDelay: true, allowHalfOpen: true });
    try {
      await once(socket, 'connect');
      return socket.on('error', () => {});
    } catch {
      socket.destroy();
    }
  }
  throw new AppError('not_found', `Nothing listens on port ${port} in the sandbox.`);
}
